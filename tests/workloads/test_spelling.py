"""Spelling: the data set and mistakes of one's own, in sizes for a test."""

import pytest
import torch

from steepest import datasets, rules
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import spelling
from steepest.workloads.applications.corrections_picture import GREEN, GREY, RED, picture
from steepest.workloads.applications.transformer import NOTHING

LINE = "Writing tool: the word that was meant by a misspelled one, letter by letter, an encoder and a decoder."


@pytest.fixture
def own(tmp_path):
    """Words of four letters that have lost one or have one twice, in lines of which some are blank."""
    letters = "abcdefgh"
    words = [f"{a}{b}{letters[-i]}{letters[j]}" for i, a in enumerate(letters, 1) for j, b in enumerate(letters)]
    lines = [f"{wrong} -> {word}\n" for word in words for wrong in (word[:2] + word[3:], word[0] + word)]
    (tmp_path / "mistakes.txt").write_text("\n".join([*lines, f"{'long' * 4}->{'long' * 3}"]), encoding="utf-8")
    return tmp_path / "mistakes.txt"


def needs_mistakes():
    if not here(datasets.dataset("spelling")):
        pytest.skip('needs the data set spelling: pip install "steepest[applications]"')


def text_of(row, alphabet):
    return "".join(alphabet[number] for number in row.tolist() if number != NOTHING)


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("spelling") == LINE and "写作工具" in summary("spelling", "zh")
    assert file_of("spelling(depth=2)").name == "spelling.py"


def test_mistakes_of_ones_own_keep_the_contract(own):
    problem = find(f"spelling(width=16, file={str(own)!r})")
    assert problem.name == f"spelling(width=16, file={str(own)!r})"
    assert "your own" in problem.about and "自备" in problem.about_zh
    for check in workload_checks(problem).values():
        check()


@pytest.mark.quick
def test_no_word_that_is_asked_for_is_trained_on(own):
    problem = find(f"spelling(width=16, file={str(own)!r})", try_out=False)
    inputs, targets, held_out, held_out_targets = problem.data()
    alphabet = problem.begin(0).alphabet
    trained, asked = ({text_of(row, alphabet) for row in rows} for rows in (targets, held_out_targets))
    assert len(inputs) == 112 and len(held_out) == 16 and not trained & asked
    assert all(word.endswith("\n") and len(word) == 5 for word in trained | asked)
    first = text_of(inputs[0], alphabet)
    assert first == "abb".ljust(15, "\n") + ">abhb".ljust(16, "\n")  # without its third letter
    assert (inputs[:, 16:] == targets[:, :-1])[targets[:, :-1] > 0].all()  # before each letter, the right ones


def test_mistakes_of_ones_own_are_learnt_and_shown(own):
    session = find(f"spelling(width=32, file={str(own)!r})").replace(ema=None).begin(1)
    losses = session.advance(torch.optim.Adam(session.model.parameters(), lr=0.01), 80)
    assert losses[0] > 2 and losses[-1] < 0.4
    mistakes, words = session._data[:2]
    written = session.write(mistakes)
    shares = [word == text_of(right, session.alphabet)[:-1] for word, right in zip(written, words, strict=True)]
    by_metric = spelling.words_right(session.model(mistakes), words).item()
    assert sum(shares) / len(shares) == pytest.approx(by_metric) and by_metric > 0.3
    scribbled = mistakes.clone()
    scribbled[:, 16:] = 3
    assert session.write(scribbled) == written  # what stands in the place of the word does not count
    assert GREY in {colour for _, colour in session.show(rows=4).getcolors(1 << 16)}


@pytest.mark.quick
@pytest.mark.parametrize("word", ["receive", "应该"])
def test_a_wrong_word_is_red_before_the_right_one(word):
    right, wrong = (
        {colour for _, colour in picture([("recieve", word, meant)], columns=1).getcolors(1 << 16)}
        for meant in (word, "received")
    )
    assert GREEN in right and RED not in right
    assert RED in wrong and GREEN not in wrong


@pytest.mark.quick
def test_a_word_is_right_where_all_its_letters_are():
    targets = torch.tensor([[1, 0, NOTHING], [3, 1, 0], [3, 1, 0], [3, spelling.UNKNOWN, 0]])
    scores = torch.nn.functional.one_hot(torch.tensor([[1, 0, 2], [3, 1, 0], [3, 0, 0], [3, 2, 0]]), 4).float()
    assert spelling.words_right(scores, targets).item() == 0.5  # a rare letter is none


@pytest.mark.quick
def test_the_data_set_is_pairs_of_words_in_small_letters():
    needs_mistakes()
    problem = find("spelling", try_out=False)
    inputs, targets, held_out, _ = problem.data()
    assert tuple(inputs.shape)[1:] == (31,) and tuple(targets.shape)[1:] == (16,)
    assert len(inputs) > 40_000 and 256 < len(held_out) <= 512
    assert problem.begin(0).alphabet[spelling.UNKNOWN] == "□"
    assert sorted(problem.begin(0).alphabet) == sorted("\n>□abcdefghijklmnopqrstuvwxyz")
    assert sum(param.numel() for param in problem.model().parameters()) == 67_632


def test_a_run_of_its_quick_size_is_that_of_a_loop_written_by_hand():
    """The same curve to the last bit, from torch alone but for the model and the tensors."""
    needs_mistakes()
    quick, steps = {name: value for name, value in spelling.QUICK.items() if name != "steps"}, 30
    problem = spelling.spelling(**quick)
    run = train(problem, rules.find("torch.optim:Adam", lr=0.006), seed=1, steps=steps)

    inputs, targets, held_out, held_out_targets = problem.data()
    torch.manual_seed(1)
    model = problem.model()
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.006)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(1))
    curve = []
    for step, rows in enumerate(order.split(64)[:steps], 1):
        optimizer.zero_grad()
        scores = model(inputs[rows])
        torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets[rows].flatten(), ignore_index=-100).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        if step in grid(steps):
            with torch.no_grad():
                scores = average(held_out)
            nats = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), held_out_targets.flatten(), ignore_index=-100
            )
            right = [
                all(letter in (best, NOTHING) for letter, best in zip(word, letters, strict=True))
                for word, letters in zip(held_out_targets.tolist(), scores.argmax(dim=-1).tolist(), strict=True)
            ]
            curve.append((step, nats.item(), sum(right) / len(right)))
    assert [(point.step, point.loss) for point in run.curve[1:]] == [point[:2] for point in curve]
    assert [point.metric for point in run.curve[1:]] == pytest.approx([point[2] for point in curve])
    assert run.curve[0].loss > 3.3 and run.curve[-1].train_loss < 2.6  # it learns


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=12", "width: must be a multiple of 8, got 12"),
        ("width='a'", "width: must be a whole number from 8, got 'a'"),
        ("width=16.0", "width: must be a whole number from 8, got 16.0"),
        ("depth=0", "depth: must be a whole number from 1, got 0"),
        ("file='none'", "there is no file none"),
        ("file=5", "file: must be a path in quotes, got 5"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"^spelling: {message}$"):
        find(f"spelling({settings})")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("recieve->receive\nteh the\n", "must have lines such as  recieve->receive, got  teh the"),
        ("teh->\n", "must have lines such as  recieve->receive, got  teh"),
        ("recieve->receive\nteh->the\n" * 20, "must have 16 different words or more of up to 15 letters, got 2"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "mistakes.txt").write_text(content)
    with pytest.raises(InvalidValue, match=f"mistakes.txt {message}$"):
        find(f"spelling(file={str(tmp_path / 'mistakes.txt')!r})")
