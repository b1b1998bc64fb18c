"""Language: the data set and a text of one's own, in sizes for a test."""

import math

import pytest
import torch

from steepest import datasets, rules
from steepest.base.errors import InvalidValue
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import language
from steepest.workloads.applications.transformer import Transformer

LINE = "Language model, English: what Python's help says, character by character, a small transformer."

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "it", "ran"]


@pytest.fixture
def own(tmp_path):
    """Paragraphs of a few words, one of them twice; some characters come once, among them the sign for such."""
    paragraphs = [" ".join(WORDS[int(digit)] for digit in str(7**number)[:12]) for number in range(20, 220)]
    text = "\n\n".join([*paragraphs[:20], paragraphs[0], *paragraphs[20:], "once é □"])
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    return tmp_path / "text.txt"


def text_of(windows, alphabet):
    return ["".join(alphabet[number] for number in window) for window in windows.tolist()]


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("language") == LINE and "英文" in summary("language", "zh")
    assert file_of("language(depth=1)").name == "language.py"


def test_a_text_of_ones_own_keeps_the_contract(own):
    problem = find(f"language(width=16, depth=1, file={str(own)!r})")
    assert problem.name == f"language(width=16, depth=1, file={str(own)!r})"
    assert "your own" in problem.about and "自备" in problem.about_zh
    for check in workload_checks(problem.replace(target=0.01)).values():
        check()


@pytest.mark.quick
def test_nothing_held_out_is_trained_on(own):
    problem = find(f"language(width=16, depth=1, file={str(own)!r})", try_out=False)
    inputs, targets, held_out, held_out_targets = problem.data()
    alphabet = problem.begin(0).alphabet
    assert alphabet[0] == "□" and "é" not in alphabet and alphabet[1] == " " and alphabet.count("□") == 1
    assert inputs[:, 1:].equal(targets[:, :-1]) and held_out[:, 1:].equal(held_out_targets[:, :-1])
    assert held_out.shape[0] * 128 > 0.1 * len(own.read_text("utf-8"))
    training = "|".join(text_of(inputs, alphabet) + text_of(targets, alphabet))
    asked = [text for row in text_of(held_out, alphabet) for text in row.split("\n") if len(text) > 24]
    assert asked and not any(text in training for text in asked)


def test_a_text_of_ones_own_is_learnt_and_written(own):
    problem = find(f"language(width=32, depth=1, file={str(own)!r})")
    session = problem.begin(1)
    losses = session.advance(torch.optim.Adam(session.model.parameters(), lr=0.01), 60)
    assert losses[0] > 2.5 and losses[-1] < 1.4
    start, _, written = session.show(100).partition("▶")
    assert own.read_text("utf-8").startswith(start) and len(start) == 128 and len(written) == 100
    assert sum(word in WORDS for word in written.split()[1:-1]) > 0.5 * len(written.split())
    assert session.show(100) == f"{start}▶{written}" and session.model.training


@pytest.mark.quick
def test_python_s_help_is_numbers_of_its_characters():
    problem = find("language", try_out=False)
    inputs, _, held_out, held_out_targets = problem.data()
    assert inputs.shape[1] == 128 and len(inputs) > 10_000 and tuple(held_out.shape) == (48, 128)
    alphabet = problem.begin(0).alphabet
    assert text_of(held_out[:1], alphabet)[0] == datasets.load("language")[:128]
    torch.manual_seed(0)
    model = problem.model()
    assert sum(param.numel() for param in model.parameters()) == 64 * len(alphabet) + 100_096
    start = problem.metric(model(held_out), held_out_targets).item()
    assert abs(start - math.log2(len(alphabet))) < 1  # knows nothing yet


def test_a_run_of_its_quick_size_is_that_of_a_loop_written_by_hand():
    """The same curve to the last bit, from torch alone but for the model and the tensors."""
    quick, steps = {name: value for name, value in language.QUICK.items() if name != "steps"}, 30
    problem = language.language(**quick)
    run = train(problem, rules.find("torch.optim:Adam", lr=3e-3), seed=1, steps=steps)

    inputs, targets, held_out, held_out_targets = problem.data()
    torch.manual_seed(1)
    model = Transformer(len(language._alphabet(None)), **quick, std=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(1))
    curve = []
    for step, rows in enumerate(order.split(8)[:steps], 1):
        optimizer.zero_grad()
        scores = model(inputs[rows])
        torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets[rows].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step in grid(steps):
            with torch.no_grad():
                scores = model(held_out)
            nats = torch.nn.functional.cross_entropy(scores.flatten(0, 1), held_out_targets.flatten())
            curve.append((step, (nats / math.log(2)).item()))
    assert [(point.step, point.metric) for point in run.curve[1:]] == curve
    assert run.curve[0].metric > 6 and curve[-1][1] < 5  # it learns


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
    with pytest.raises(InvalidValue, match=f"^language: {message}$"):
        find(f"language({settings})")


@pytest.mark.quick
def test_a_text_that_is_too_short_or_of_another_encoding_is_refused(tmp_path):
    short, chinese = tmp_path / "short.txt", tmp_path / "chinese.txt"
    short.write_text("The same again.\n\n" * 1000)
    with pytest.raises(InvalidValue, match=r"must have 4096 characters or more, not counting repeated .*, got 17$"):
        find(f"language(file={str(short)!r})")
    short.write_text("".join(map(chr, range(0x4E00, 0x6000))), encoding="utf-8")
    with pytest.raises(InvalidValue, match="has no character twice"):
        find(f"language(file={str(short)!r})")
    short.write_text("two bytes each", encoding="utf-16")
    with pytest.raises(InvalidValue, match="if it is in UTF-16, this helps:  iconv -f UTF-16"):
        find(f"language(file={str(short)!r})")
    chinese.write_bytes("白日依山盡\n".encode("gbk") * 900)
    with pytest.raises(InvalidValue, match=r"is not in UTF-8; if it is in GB18030, this helps:  iconv .*"):
        find(f"language(file={str(chinese)!r})")
