"""The timer of all benchmarks: candidates take turns, and ratios are taken within a round.

The speed of a shared machine varies over seconds. So a ratio is taken in each round, where both candidates met the same
conditions, and the median over the rounds counts. A turn is one call that is not timed, which warms the caches and
threads for this candidate, and then as many calls as fit into 20 ms, but 100 at most.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

__all__ = ["Turns", "best", "race", "ratio"]

TURN, CALLS, LEAST = 0.02, 100, 2.0
"""Seconds of a turn, calls in a turn at most, and seconds of a race at least."""

Turns = dict[str, list[float]]
"""Seconds a call of each candidate, round by round."""


def race(
    candidates: dict[str, Callable[[], object]], rounds: int = 15, clock: Callable[[], float] = perf_counter
) -> Turns:
    """Time the candidates in turns, for `rounds` rounds, or more if these are over within two seconds.

    `clock` may be that of a thread, for candidates that use one only: other programs do not lengthen it.
    """
    turns: Turns = {name: [] for name in candidates}
    started, done = perf_counter(), 0
    while done < rounds or perf_counter() - started < LEAST:
        for name, call in candidates.items():
            quickest = min(turns[name], default=TURN)
            turns[name].append(_turn(call, max(1, min(CALLS, int(TURN / quickest))), clock))
        done += 1
    return turns


def best(turns: Turns) -> dict[str, float]:
    """The best time of each candidate."""
    return {name: min(times) for name, times in turns.items()}


def ratio(turns: Turns, over: str, below: str) -> float:
    """The median over the rounds of the time of `over` divided by that of `below`."""
    return median(a / b for a, b in zip(turns[over], turns[below], strict=True))


def _turn(call: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    """Seconds a call."""
    call()
    started = clock()
    for _ in range(calls):
        call()
    return (clock() - started) / calls
