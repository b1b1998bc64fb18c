"""Poems: the data set and a text of one's own, in sizes for a test."""

import math

import pytest
import torch

from steepest import datasets, rules
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.rules import Adam
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import poems
from steepest.workloads.applications.transformer import Transformer

LINE = "Language model, Chinese: quatrains of Tang and Song, character by character, a small transformer."


@pytest.fixture
def own(tmp_path):
    """Lines that go round in the alphabet, some longer than what counts, one with a character that comes once."""
    letters = "abcdefgh" * 9
    lines = [letters[start : start + 10 + start % 5] for start in range(8)] * 5
    (tmp_path / "text.txt").write_text("\n\n".join([*lines, letters, "abcd□efé", ""]), encoding="utf-8")
    return tmp_path / "text.txt"


def test_its_facts_need_no_data():
    assert summary("poems") == LINE and "唐宋绝句" in summary("poems", "zh")
    assert file_of("poems(depth=1)").name == "poems.py"


def test_a_text_of_ones_own_keeps_the_contract(own):
    problem = find(f"poems(width=16, depth=1, file={str(own)!r})")
    assert (
        problem.name == f"poems(width=16, depth=1, file={str(own)!r})"
        and "your own" in problem.about
        and "自备" in problem.about_zh
    )
    for check in workload_checks(problem.replace(target=0.01)).values():
        check()


def test_a_text_of_ones_own_is_learnt_and_written(own):
    session = find(f"poems(width=32, depth=1, file={str(own)!r})").begin(1, "cpu")
    assert session.alphabet[:2] == "\n□" and sorted(session.alphabet[2:]) == list("abcdefgh")
    losses = session.advance(torch.optim.Adam(session.model.parameters(), lr=0.01), 40)
    assert losses[0] > 1.8 and losses[-1] < 0.3  # which letter comes first, and where the line ends, is not known
    written = session.show(lines=5)
    assert written == session.show(lines=5) and len(written.splitlines()) == 5
    pairs = [line[i : i + 2] in "abcdefgha" for line in written.splitlines() for i in range(len(line) - 1)]
    assert sum(pairs) > 0.9 * len(pairs)


def test_its_quick_run_is_that_of_a_loop_written_by_hand(own):
    """From torch alone but for the model and the tensors; it is measured in one piece, so the same to rounding."""
    quick = dict(poems.QUICK)
    steps = quick.pop("steps")
    problem = poems.poems(**quick, file=str(own)).replace(batch_size=8)
    inputs, targets, held_out, held_out_targets = problem.data()
    torch.manual_seed(3)
    model = Transformer(10, **quick, places=65, std=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(3)
    rows, losses, measured = [], [], []

    def error(inputs, targets):
        return torch.nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())

    for step in range(1, steps + 1):
        if not len(rows):
            rows = torch.randperm(len(inputs), generator=generator)[: len(inputs) // 8 * 8]
        optimizer.zero_grad()
        loss = error(inputs[rows[:8]], targets[rows[:8]])
        loss.backward()
        optimizer.step()
        rows = rows[8:]
        losses.append(loss.item())
        if step in grid(steps):
            with torch.no_grad():
                measured.append((step, error(held_out, held_out_targets).item() / math.log(2)))
    run = train(problem, rules.find("torch.optim:Adam", lr=0.01), seed=3, steps=steps)
    assert [point.step for point in run.curve[1:]] == [step for step, _ in measured]
    assert [point.metric for point in run.curve[1:]] == pytest.approx([bits for _, bits in measured], rel=1e-5)
    assert [point.train_loss for point in run.curve[1:]] == losses  # to the last bit, as there is a point a step
    assert losses[-1] < 0.5 * losses[0]


def test_quatrains_are_numbers_of_their_characters():
    if not here(datasets.dataset("quatrains")):
        pytest.skip("needs the data set quatrains: its file in the folder STEEPEST_DATA, or npm")
    problem = find("poems", try_out=False)
    inputs, targets, held_out, _ = problem.data()
    assert (tuple(inputs.shape), tuple(held_out.shape)) == ((9790, 33), (128, 33))
    alphabet = problem.begin(0).alphabet
    line = "".join(alphabet[number] for number in targets[0] if number >= 0)
    assert line.endswith("。\n") and "，" in line and "".join(alphabet[number] for number in inputs[0][1:]) == line[:-1]
    assert sum(param.numel() for param in problem.model().parameters()) == 279_024
    start = problem.metric(problem.model()(held_out), problem.data()[3]).item()
    assert abs(start - math.log2(len(alphabet))) < 0.5  # knows nothing yet
    assert train(problem.replace(steps=12), Adam(lr=0.01), seed=1).curve[-1].metric < 11


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=10", "width: must be a multiple of 8, got 10"),
        ("width='a'", "width: must be a whole number from 8, got 'a'"),
        ("width=16.0", "width: must be a whole number from 8, got 16.0"),
        ("depth=0", "depth: must be a whole number from 1, got 0"),
        ("file='none'", "there is no file none"),
        ("file=5", "file: must be a path in quotes, got 5"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"^poems: {message}$"):
        find(f"poems({settings})")


@pytest.mark.parametrize("content", [b"", b"one\ntwo\n", "李白\n".encode("gbk") * 20])
def test_a_text_that_is_too_short_or_of_another_encoding_is_refused(tmp_path, content):
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(InvalidValue, match=r"must have ten lines or more|is not in UTF-8"):
        find(f"poems(file={str(tmp_path / 'text.txt')!r})")
