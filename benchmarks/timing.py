"""How everything here is timed: the candidates take turns, and the best turn of each counts.

On a machine that also does other things the best of many turns is what the code costs; a mean would measure the
neighbours. A turn is a call that is not timed, for caches and threads to be as this candidate leaves them, and then as
many calls as fit into 20 ms, but 100 at most: turns of short calls are short, so that some fall where the neighbours
are quiet.
"""

from collections.abc import Callable
from time import perf_counter

__all__ = ["race"]

TURN, CALLS, LEAST = 0.02, 100, 2.0


def race(candidates: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Seconds a call of each candidate: the best of `rounds` turns, or of more where they are over in two seconds."""
    best = dict.fromkeys(candidates, float("inf"))
    started, turns = perf_counter(), 0
    while turns < rounds or perf_counter() - started < LEAST:
        for name, call in candidates.items():
            calls = max(1, min(CALLS, int(TURN / best[name])))
            best[name] = min(best[name], _turn(call, calls))
        turns += 1
    return best


def _turn(call: Callable[[], object], calls: int) -> float:
    """Seconds a call."""
    call()
    started = perf_counter()
    for _ in range(calls):
        call()
    return (perf_counter() - started) / calls
