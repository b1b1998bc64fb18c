"""The board game: what is learnt, what is held out, that it is learnt, and that a plain loop gives the same curve."""

import numpy as np
import pytest
import torch

from steepest import rules
from steepest.base.errors import InvalidValue
from steepest.rules import Adam
from steepest.testing import workload_checks
from steepest.training import train
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications.board import QUICK, best_moves
from steepest.workloads.applications.connect_four import ConnectFour
from steepest.workloads.applications.connect_four_solution import ILLEGAL, solution

LINE = "Board game: connect four on 4 x 5, moves and results learnt from the exact solution, a small network."
SMALL = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name != "steps")


@pytest.fixture(scope="module")
def small():
    return find(f"board({SMALL})").replace(steps=QUICK["steps"])


@pytest.mark.quick
def test_its_facts_are_those_of_its_file():
    assert summary("board") == LINE and "四子棋" in summary("board", "zh")
    assert file_of("board(rows=4)").name == "board.py"
    other = find("board(rows=3, columns=4)")
    assert "3 x 4" in other.about and "3 行 4 列" in other.about_zh and other.name == "board(rows=3, columns=4)"


@pytest.mark.quick
def test_it_keeps_the_contract(small):
    for check in workload_checks(small).values():
        check()


def test_the_data_are_what_the_solution_says():
    game, problem = ConnectFour(4, 5), find("board", try_out=False)
    inputs, targets, held_out, held_out_targets = problem.data()
    assert (len(inputs), len(held_out)) == (297_283, 1000) and inputs.dtype == torch.uint8
    assert sum(param.numel() for param in problem.model().parameters()) == 78_344
    positions = game.from_planes(torch.cat([inputs[:20_000], held_out]).numpy())
    shares, value = torch.cat([targets[:20_000], held_out_targets]).numpy()[:, :5], solution(game).results(positions)
    assert not game.has_four(positions.other).any() and (positions.taken != game.full).all()
    best = value == value.max(axis=1, keepdims=True)
    matters = [len({*row} - {ILLEGAL}) > 1 for row in value.tolist()]
    assert ((shares > 0) == best * np.array(matters)[:, None]).all() and all(matters[20_000:])
    assert np.allclose(shares.sum(axis=1), matters)
    classes = torch.cat([targets[:20_000], held_out_targets])[:, 5:]
    assert (1 - classes.argmax(dim=1).numpy() == value.max(axis=1)).all() and (classes.sum(dim=1) == 1).all()
    trivial = best.sum(axis=1) / (value != ILLEGAL).sum(axis=1)
    assert 0.40 < trivial[20_000:].mean() < 0.44  # a player who plays at random


@pytest.mark.quick
def test_no_held_out_position_is_learnt_not_even_in_a_mirror(small):
    game = ConnectFour(4, 4)
    inputs, _, held_out, _ = small.data()
    learnt, asked = (game.from_planes(planes.numpy()) for planes in (inputs, held_out))
    seen = {*game.key(learnt).tolist(), *game.key(game.mirrored(learnt)).tolist()}
    assert seen.isdisjoint(game.key(asked).tolist()) and len(held_out) == 1000


def test_a_plain_loop_gives_the_same_curve(small):
    """Torch alone: weights, order of the batches, loss, steps and measure of a run, number by number."""
    run = train(small, rules.find("torch.optim:Adam(lr=0.01)"), seed=5, steps=60)
    inputs, targets, held_out, held_out_targets = small.data()
    torch.manual_seed(5)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 7),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def scores(planes):
        output = model(planes.float())
        full = planes[:, :, 3].any(dim=1).bool()
        return torch.where(full, -1e4, output[:, :4]), output[:, 4:]

    def loss_of(planes, wanted):
        moves, result = scores(planes)
        cross_entropy = torch.nn.functional.cross_entropy
        return cross_entropy(moves, wanted[:, :4]) + cross_entropy(result, wanted[:, 4:])

    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(5))
    measured = {}
    for step in range(61):
        with torch.no_grad():
            chosen = scores(held_out)[0].argmax(dim=1)
            right = held_out_targets[torch.arange(len(held_out)), chosen] > 0
            measured[step] = loss_of(held_out, held_out_targets).item(), right.float().mean().item()
        batch = order[128 * step : 128 * (step + 1)]
        optimizer.zero_grad()
        loss_of(inputs[batch], targets[batch]).backward()
        optimizer.step()
    assert len(run.curve) > 20
    assert [(point.loss, point.metric) for point in run.curve] == [measured[point.step] for point in run.curve]


def test_it_learns_to_play(small):
    curve = train(small, Adam(lr=0.01), seed=1).curve
    assert curve[0].metric < 0.55 and curve[-1].metric > 0.7


def test_illegal_moves_are_never_chosen(small):
    model = small.model()
    planes = small.data()[2]
    chosen = model(planes)[:, :-3].argmax(dim=1)
    assert (planes[torch.arange(len(planes)), :, -1, chosen] == 0).all()


def test_what_is_counted_are_best_moves():
    output = torch.tensor([[0.0, 2, 1, 9, 9, 9], [0, 1, 2, 9, 9, 9], [5, 1, 2, 9, 9, 9]])
    targets = torch.tensor([[0.5, 0.5, 0, 1, 0, 0], [0.5, 0.5, 0, 0, 1, 0], [0.5, 0.5, 0, 0, 0, 1]])
    assert best_moves(output, targets) == torch.tensor(2 / 3)


def test_a_board_of_ones_own_takes_its_place():
    problem = find("board(rows=3, columns=6, width=64)")
    session = problem.begin(1)
    assert problem.data()[0].shape[1:] == (2, 3, 6) and session.show(rows=1, columns=2).width > 400
    curve = train(problem, Adam(lr=0.01), seed=1, steps=150).curve
    assert curve[0].metric < 0.5 and curve[-1].metric > 0.6


def test_the_picture_marks_right_choices_green_and_wrong_ones_red(small):
    game = ConnectFour(4, 4)
    session = small.begin(1)
    session.model.forward = lambda planes: torch.tensor([[9.0, 0, 0, 0, 9, 0, 0]] * len(planes))
    sheet = session.show(rows=2, columns=6)
    width, height = 4 * 34 + 22, 6 * 34 + 16 + 22
    assert sheet.size == (6 * width + 22, 2 * height + 22)
    results = solution(game).results(game.from_planes(small.data()[2][:12].numpy()))
    right = (results[:, 0] == results.max(axis=1)).tolist()
    colours = [sheet.getpixel((index % 6 * width + 22 + 17, index // 6 * height + 22 + 29)) for index in range(12)]
    assert [colour == (46, 160, 67) for colour in colours] == right and True in right and False in right
    assert all(colour == (207, 34, 46) for colour, is_right in zip(colours, right, strict=True) if not is_right)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("rows=2", "board: rows: must be a whole number from 3, got 2"),
        ("columns=3", "board: columns: must be a whole number from 4, got 3"),
        ("rows=4.5", "board: rows: must be a whole number from 3, got 4.5"),
        ("rows=5", "board: columns * (rows + 1) must be at most 25 for a board that is solved, got 30"),
        ("width=0", "board: width: must be a whole number from 1, got 0"),
        ("depth='two'", "board: depth: must be a whole number from 1, got 'two'"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue) as error:
        find(f"board({settings})")
    assert str(error.value) == message
