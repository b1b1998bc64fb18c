"""Connect four and its solution: against rules written a second time, place by place, and against published counts."""

from functools import cache

import numpy as np
import pytest

from steepest.workloads.applications.connect_four import ConnectFour
from steepest.workloads.applications.connect_four_solution import ILLEGAL, solution

pytestmark = pytest.mark.quick

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def wins(stones):
    """Whether a set of (column, row) has four in a row."""
    return any(
        all((column + step * x, row + step * y) in stones for step in range(4))
        for column, row in stones
        for x, y in DIRECTIONS
    )


def searched(rows, columns):
    """Every position, as the stones of mover and other, with the result and that of each move; without any shortcut."""

    @cache
    def result(mover, other):
        if wins(other):
            return -1, None
        moves = []
        for column in range(columns):
            height = sum(place[0] == column for place in mover | other)
            moves.append(-result(other, mover | {(column, height)})[0] if height < rows else None)
        known[mover, other] = moves
        return max((move for move in moves if move is not None), default=0), moves

    known = {}
    result(frozenset(), frozenset())
    return known, result.cache_info().currsize


def planes_of(mover, other, rows, columns):
    planes = np.zeros((2, rows, columns), np.uint8)
    for plane, stones in zip(planes, (mover, other), strict=True):
        for column, row in stones:
            plane[row, column] = 1
    return planes


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (4, 3)])
def test_every_result_is_that_of_a_search_without_shortcuts(rows, columns):
    game, (known, count) = ConnectFour(rows, columns), searched(rows, columns)
    solved = solution(game)
    assert len(solved.keys()) == count and len(known) > 5000
    planes = np.stack([planes_of(*stones, rows, columns) for stones in known])
    expected = [[ILLEGAL if result is None else result for result in moves] for moves in known.values()]
    positions = game.from_planes(planes)
    full = positions.taken == game.full
    assert (solved.results(positions[~full]) == np.array(expected)[~full]).all()
    assert (np.array(expected)[full] == ILLEGAL).all() and (solved.values[game.key(positions[full])] == 0).all()
    assert sorted({*np.array(expected).flatten().tolist()}) == [-2, -1, 0, 1]


@pytest.mark.parametrize(("rows", "columns", "count"), [(4, 4, 161_029), (5, 4, 1_706_255), (4, 5, 3_945_711)])
def test_positions_are_as_many_as_were_counted_elsewhere(rows, columns, count):
    """John Tromp's table of legal positions, and his result of each: a draw."""
    game = ConnectFour(rows, columns)
    solved = solution.__wrapped__(game)
    assert len(solved.keys()) == count and solved.values[0] == 0


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (4, 5), (5, 4), (3, 6)])
def test_a_position_is_its_key_its_planes_and_twice_mirrored_itself(rows, columns):
    game, generator = ConnectFour(rows, columns), np.random.default_rng(0)
    position = game.empty(300)
    for _ in range(rows * columns):
        columns_free = [generator.choice(np.flatnonzero(legal)) for legal in game.legal(position)]
        position = game.play(position, np.array(columns_free))
        planes = game.planes(position)
        mirrored = game.mirrored(position)
        for same in (game.position(game.key(position)), game.from_planes(planes), game.mirrored(mirrored)):
            assert (same.mover == position.mover).all() and (same.taken == position.taken).all()
        assert (game.planes(mirrored) == planes[..., ::-1]).all()
        assert game.key(position).max() < game.keys
        stones = [{(x, y) for y, x in np.argwhere(plane)} for plane in planes[:20, 1]]
        for column, legal in enumerate(game.legal(position).T):
            after = game.play(position[legal], column)
            assert (game.wins(position)[legal, column] == game.has_four(after.other)).all()
        assert game.has_four(position.other)[:20].tolist() == [wins(part) for part in stones]
    assert (position.taken == game.full).all() and not game.legal(position).any()


def test_results_are_the_same_in_a_mirror():
    game = ConnectFour(4, 4)
    solved = solution(game)
    positions = game.position(solved.keys())
    positions = positions[~game.has_four(positions.other) & (positions.taken != game.full)]
    assert (solved.results(game.mirrored(positions)) == solved.results(positions)[:, ::-1]).all()
