"""Self-play: data from the model in training, a run by a plain loop, going on from a checkpoint, and that it learns."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from steepest import rules
from steepest.base.errors import InvalidValue
from steepest.rules import Adam
from steepest.testing import workload_checks
from steepest.training import train
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications.connect_four import ConnectFour
from steepest.workloads.applications.self_play_games import Games
from steepest.workloads.applications.selfplay import QUICK
from steepest.workloads.seeding import seeded

SMALL = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name != "steps")


@pytest.fixture(scope="module")
def small():
    return find(f"selfplay({SMALL})").replace(steps=QUICK["steps"])


@pytest.mark.quick
def test_its_facts_are_those_of_its_file():
    assert "without a teacher" in summary("selfplay") and "自学" in summary("selfplay", "zh")
    assert file_of("selfplay(games=8)").name == "selfplay.py"
    other = find("selfplay(rows=3, columns=4, games=4, simulations=2)", try_out=False)
    assert "3 x 4" in other.about and "3 行 4 列" in other.about_zh


@pytest.mark.quick
def test_it_keeps_the_contract(small):
    for check in workload_checks(small).values():
        check()


def test_it_learns_from_its_own_games(small):
    curve = train(small, Adam(lr=0.01), seed=1).curve
    assert curve[0].metric < 0.55 and curve[-1].metric > 0.58


def test_a_plain_loop_gives_the_same_curve(small):
    """Torch alone makes the steps: weights, loss, gradients and measure of a run, number by number."""
    run = train(small, rules.find("torch.optim:Adam(lr=0.01)"), seed=5, steps=40)
    game, games = ConnectFour(4, 4), Games(ConnectFour(4, 4), 128, 8)
    _, _, held_out, held_out_targets = find("board(rows=4, columns=4)", try_out=False).data()
    torch.manual_seed(5)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(32, 128), torch.nn.ReLU(), torch.nn.Linear(128, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 7),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def scores(planes):
        output = model(planes.float())
        return torch.where(planes[:, :, 3].any(dim=1).bool(), -1e4, output[:, :4]), output[:, 4:]

    def loss_of(planes, wanted):
        moves, result = scores(planes)
        cross_entropy = torch.nn.functional.cross_entropy
        return cross_entropy(moves, wanted[:, :4]) + cross_entropy(result, wanted[:, 4:])

    @torch.no_grad()
    def judge(positions):
        moves, result = (part.softmax(dim=1).numpy() for part in scores(torch.tensor(game.planes(positions))))
        return moves, result[:, 0] - result[:, 2]

    measured = {}
    for step in range(41):
        with torch.no_grad():
            chosen = scores(held_out)[0].argmax(dim=1)
            right = held_out_targets[torch.arange(len(held_out)), chosen] > 0
            measured[step] = loss_of(held_out, held_out_targets).item(), right.float().mean().item()
        generator = np.random.default_rng((5, step))
        while games.searched < 3000 + 64 * step:
            games.move(judge, generator)
        optimizer.zero_grad()
        loss_of(*map(torch.tensor, games.batch(128, generator))).backward()
        optimizer.step()
    assert len(run.curve) > 20
    assert [(point.loss, point.metric) for point in run.curve] == [measured[point.step] for point in run.curve]


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_been(small):
    def begun():
        session = small.begin(3)
        return session, torch.optim.SGD(session.model.parameters(), lr=0.1)

    with seeded(3):
        session, optimizer = begun()
        session.advance(optimizer, 5)
        state = deepcopy(session.state_dict())
        losses = session.advance(optimizer, 30)
    with seeded(4):
        other, optimizer = begun()
        other.advance(optimizer, 2)
        other.load_state_dict(state)
        again = other.advance(optimizer, 30)
    assert torch.stack(losses).tolist() == torch.stack(again).tolist()
    assert session.measure() == other.measure()
    assert session.state_dict()["played"]["searched"] > state["played"]["searched"]


def test_playing_and_learning_keep_in_step(small):
    session = small.replace(batch_size=64).begin(1)
    session.advance(torch.optim.SGD(session.model.parameters(), lr=0.1), 1)
    assert session.period == 4 and session.state_dict()["played"]["searched"] == -(-3000 // 128) * 128
    session.advance(torch.optim.SGD(session.model.parameters(), lr=0.1), 79)
    assert session.state_dict()["played"]["searched"] == -(-(3000 + 79 * 32) // 128) * 128  # each learnt twice


def test_what_it_shows_are_positions_of_others(small):
    assert small.begin(1).show(rows=1, columns=2).width == 2 * (4 * 34 + 22) + 22


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("rows=2", "selfplay: rows: must be a whole number from 3, got 2"),
        ("rows=6", "selfplay: columns * (rows + 1) must be at most 25 for a board that is solved, got 35"),
        ("games=0", "selfplay: games: must be a whole number from 1, got 0"),
        ("simulations=0.5", "selfplay: simulations: must be a whole number from 1, got 0.5"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue) as error:
        find(f"selfplay({settings})")
    assert str(error.value) == message
