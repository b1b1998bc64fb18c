"""Tree search and games against oneself: against a search of one position written plainly, and by what must hold."""

import math

import numpy as np
import pytest

from steepest.workloads.applications.connect_four import ConnectFour, Positions
from steepest.workloads.applications.connect_four_solution import solution
from steepest.workloads.applications.self_play_games import Games, drawn
from steepest.workloads.applications.tree_search import TreeSearch

pytestmark = pytest.mark.quick

GAME = ConnectFour(4, 5)


def judge(positions):
    """What a network might say: numbers that look random, and follow from the position."""
    numbers = np.sin(GAME.key(positions)[:, None] * (1.0 + np.arange(6)) * 0.7713)
    return np.exp(2 * numbers[:, :5]).astype(np.float32), (0.8 * numbers[:, 5]).astype(np.float32)


def knows_nothing(positions):
    return np.ones((len(positions), GAME.columns), np.float32), np.zeros(len(positions), np.float32)


def some_positions(count, moves, seed=0):
    """In which the game goes on, after random moves."""
    generator, positions = np.random.default_rng(seed), GAME.empty(count)
    for _ in range(moves):
        positions = GAME.play(positions, drawn(GAME.legal(positions), generator))
        positions = positions[~GAME.has_four(positions.other) & (positions.taken != GAME.full)]
    return positions


class Node:
    """The same search for one position, as a textbook has it."""

    def __init__(self, position):
        self.position = position
        chances, value = judge(position)
        self.legal = np.flatnonzero(GAME.legal(position)[0]).tolist()
        self.prior = {move: float(chances[0, move]) / float(chances[0, self.legal].sum()) for move in self.legal}
        self.value, self.visits, self.total, self.children = float(value[0]), {}, {}, {}

    def simulate(self, exploration):
        """Returns what the position is worth for its mover."""
        count = 1 + sum(self.visits.values())
        mean = (self.value + sum(self.total.values())) / count

        def score(move):
            tried = self.visits.get(move, 0)
            result = self.total[move] / tried if tried else mean
            return result + exploration * self.prior[move] * math.sqrt(count) / (1 + tried)

        move = max(self.legal, key=score)
        after = GAME.play(self.position, move)
        if GAME.has_four(after.other)[0]:
            value = 1.0
        elif after.taken[0] == GAME.full:
            value = 0.0
        elif move not in self.children:
            self.children[move] = Node(after)
            value = -self.children[move].value
        else:
            value = -self.children[move].simulate(exploration)
        self.visits[move] = self.visits.get(move, 0) + 1
        self.total[move] = self.total.get(move, 0.0) + value
        return value


@pytest.mark.parametrize(("moves", "exploration"), [(0, 1.0), (6, 1.0), (12, 1.0), (12, 3.0), (16, 0.5)])
def test_visits_are_those_of_a_plain_search_of_each_position(moves, exploration):
    positions = some_positions(6, moves)
    visits = TreeSearch(GAME, judge, 60, exploration).visits(positions)
    for index, tried in enumerate(visits):
        root = Node(positions[index : index + 1])
        for _ in range(60):
            root.simulate(exploration)
        assert tried.tolist() == [root.visits.get(move, 0) for move in range(5)]


def test_games_searched_together_do_not_see_each_other():
    positions = some_positions(40, 9)
    together = TreeSearch(GAME, judge, 30).visits(positions)
    alone = [TreeSearch(GAME, judge, 30).visits(positions[index : index + 1])[0] for index in range(len(positions))]
    assert (together == np.stack(alone)).all() and (together.sum(axis=1) == 30).all()
    assert (together[~GAME.legal(positions)] == 0).all()


def test_it_finds_best_moves_without_knowing_anything():
    positions = some_positions(300, 14)
    results = solution(GAME).results(positions)
    matters = np.array([len({*row} - {-2}) > 1 for row in results.tolist()])
    positions, results = positions[matters], results[matters]
    each = np.arange(len(positions))
    shares = [
        (results[each, TreeSearch(GAME, knows_nothing, count).visits(positions).argmax(axis=1)] == results.max(axis=1))
        for count in (4, 200)
    ]
    assert shares[0].mean() < 0.8 < 0.93 < shares[1].mean()


def test_noise_is_mixed_into_the_chances_at_the_root():
    positions = GAME.empty(1)
    noise = np.array([[0.0, 0, 0, 0, 1]])
    assert TreeSearch(GAME, knows_nothing, 1).visits(positions).argmax() == 0
    assert TreeSearch(GAME, knows_nothing, 1).visits(positions, noise).argmax() == 4
    assert TreeSearch(GAME, knows_nothing, 1).visits(positions, noise, share=0.0).argmax() == 0


def test_indexes_are_drawn_in_proportion():
    weights = np.tile([0.0, 3, 0, 1, 0], (8000, 1))
    counts = np.bincount(drawn(weights, np.random.default_rng(0)), minlength=5)
    assert counts[[0, 2, 4]].tolist() == [0, 0, 0] and abs(counts[1] - 6000) < 5 * math.sqrt(8000 * 3 / 16)


def stored(games):
    """The positions of the store and what is learnt from them."""
    state = games.state_dict()
    return GAME.position(state["_stored_keys"][: games.finished]), state["_stored_targets"][: games.finished]


@pytest.fixture(scope="module")
def played():
    games, generator = Games(GAME, 50, 8), np.random.default_rng(1)
    for _ in range(40):
        games.move(judge, generator)
    return games


def test_what_is_stored_are_games(played):
    positions, targets = stored(played)
    assert played.searched == 2000 and 1500 < played.finished < 2000
    shares, results = targets[:, :5], targets[:, 5:] @ np.array([1, 0, -1])
    assert np.allclose(shares.sum(axis=1), 1) and (shares[~GAME.legal(positions)] == 0).all()
    assert (targets[:, 5:].sum(axis=1) == 1).all() and {*results.tolist()} == {-1.0, 0.0, 1.0}
    following = np.zeros(len(positions), bool)
    wins = np.zeros(len(positions), bool)
    for column in range(5):
        after = GAME.play(positions, column)
        legal = GAME.legal(positions)[:, column]
        following[:-1] |= (legal & (GAME.key(after) < GAME.keys))[:-1] & (
            GAME.key(after)[:-1] == GAME.key(positions)[1:]
        )
        wins |= legal & GAME.has_four(after.other)
    assert (results[:-1][following[:-1]] == -results[1:][following[:-1]]).all()  # what one wins the other loses
    last = ~following
    assert last.sum() > 150 and (results[last] >= 0).all()  # nobody loses by a move of his own
    assert wins[last & (results == 1)].all()


def test_games_begin_with_random_moves_or_an_empty_board(played):
    positions, _ = stored(played)
    stones = np.array([bin(taken).count("1") for taken in positions.taken.tolist()])
    assert (stones == 0).sum() >= 3 and {*range(19)} <= {*stones.tolist()}
    only = Games(GAME, 30, 2, from_start=1.0)
    only.move(judge, np.random.default_rng(0))
    assert (only.state_dict()["_past_keys"][:, 0] == 0).all()


def test_a_low_temperature_plays_what_was_visited_most():
    cold = Games(GAME, 30, 20, temperature=0.01, from_start=1.0)
    cold.move(judge, np.random.default_rng(0))
    state = cold.state_dict()
    most = state["_past_shares"][:, 0].argmax(axis=1)
    clear = np.sort(state["_past_shares"][:, 0])[:, -2] < 0.9 * state["_past_shares"][:, 0].max(axis=1)
    assert clear.sum() > 5 and (state["_keys"] == GAME.key(GAME.play(GAME.empty(30), most)))[clear].all()


def test_a_batch_is_mirrored_as_a_whole(played):
    planes, targets = played.batch(500, np.random.default_rng(0))
    positions = GAME.from_planes(planes)
    assert (targets[:, :5][~GAME.legal(positions)] == 0).all()
    known, learnt = stored(played)
    by_key = {}
    for key, target in zip(GAME.key(known).tolist(), learnt.tolist(), strict=True):
        by_key.setdefault(key, []).append(target)
    straight = mirrored = 0
    for index, target in enumerate(targets.tolist()):
        position = positions[index : index + 1]
        other = [*target[4::-1], *target[5:]]
        straight += target in by_key.get(int(GAME.key(position)[0]), [])
        mirrored += other in by_key.get(int(GAME.key(GAME.mirrored(position))[0]), [])
    assert straight + mirrored >= 500 and 200 < straight < 320 and 200 < mirrored < 320


def test_new_positions_replace_the_oldest():
    small, large = Games(GAME, 20, 4, capacity=100), Games(GAME, 20, 4, capacity=1000)
    for games in (small, large):
        generator = np.random.default_rng(2)
        while games.finished < 430:
            games.move(judge, generator)
    kept, everything = small.state_dict()["_stored_keys"], large.state_dict()["_stored_keys"][: large.finished]
    assert sorted(kept.tolist()) == sorted(everything[-100:].tolist())


def test_whoever_plays_perfectly_beats_who_does_not():
    solved = solution(GAME)
    perfect, first_free = (
        (lambda some: solved.results(some).argmax(axis=1)),
        (lambda some: GAME.legal(some).argmax(axis=1)),
    )
    assert not solved.beats(perfect) and solved.beats(first_free)
    once_wrong = lambda some: np.where(some.taken == 0, 0, perfect(some))  # noqa: E731 - the first column loses
    assert solved.beats(once_wrong)


def test_positions_are_lists_of_positions():
    positions = some_positions(10, 4)
    both = Positions.joined([positions[:3], positions[3:]])
    assert len(both) == len(positions) == 10 and (GAME.key(both) == GAME.key(positions)).all()
