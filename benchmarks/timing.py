"""How everything here is timed: the candidates take turns, and the best turn of each counts.

On a machine that also does other things the best of many turns is what the code costs; a mean would measure the
neighbours.
"""

from collections.abc import Callable
from time import perf_counter

__all__ = ["race"]


def race(candidates: dict[str, Callable[[], object]], rounds: int = 15, least: float = 0.02) -> dict[str, float]:
    """Seconds a call of each candidate, best of `rounds` turns; a turn repeats short calls for `least` seconds."""
    repeats = {}
    for name, call in candidates.items():
        call()
        started = perf_counter()
        call()
        repeats[name] = max(1, int(least / max(perf_counter() - started, 1e-7)))
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, call in candidates.items():
            started = perf_counter()
            for _ in range(repeats[name]):
                call()
            best[name] = min(best[name], (perf_counter() - started) / repeats[name])
    return best
