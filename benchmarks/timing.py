"""How everything here is timed: the candidates take turns, and compared is what came in the same round.

A machine that also does other things is faster at one time than at another, for seconds on end. So a ratio is taken in
each round, where both candidates met the same machine, and the median of these counts. A turn is a call that is not
timed, for caches and threads to be as this candidate leaves them, and then as many calls as fit into 20 ms, but 100 at
most.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

__all__ = ["Turns", "best", "race", "ratio"]

TURN, CALLS, LEAST = 0.02, 100, 2.0

Turns = dict[str, list[float]]
"""Seconds a call of each candidate, round by round."""


def race(candidates: dict[str, Callable[[], object]], rounds: int = 15) -> Turns:
    """Time so many rounds, or more where they are over in two seconds."""
    turns: Turns = {name: [] for name in candidates}
    started, done = perf_counter(), 0
    while done < rounds or perf_counter() - started < LEAST:
        for name, call in candidates.items():
            quickest = min(turns[name], default=TURN)
            turns[name].append(_turn(call, max(1, min(CALLS, int(TURN / quickest)))))
        done += 1
    return turns


def best(turns: Turns) -> dict[str, float]:
    """The best time of each candidate."""
    return {name: min(times) for name, times in turns.items()}


def ratio(turns: Turns, over: str, below: str) -> float:
    """How many times longer one candidate takes than another: the median over the rounds."""
    return median(a / b for a, b in zip(turns[over], turns[below], strict=True))


def _turn(call: Callable[[], object], calls: int) -> float:
    """Seconds a call."""
    call()
    started = perf_counter()
    for _ in range(calls):
        call()
    return (perf_counter() - started) / calls
