"""python -m benchmarks.clocks [--timings 200] [--busy 4] [--write]: are twins told apart in seconds on a busy machine?

Each timing is what a study does at its end: the steps of all contestants in turns. Two of them are the same optimizer,
so their interval should hold a ratio of 1 in 95 % of timings, also while other processes keep every core busy.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from steepest import rules, workloads
from steepest.statistics import step_time_interval
from steepest.training import step_times

__all__ = ["measure"]

CONTESTANTS = (("sgd", 0.1), ("sgd", 0.1), ("adam", 0.01))
"""The first two are twins."""

Row = dict[str, Any]


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """A context in which this many other processes compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measure(timings: int = 200, processes: int = 4) -> list[Row]:
    """The share of timings in which the twins tie, and the range of their ratios, as rows of a table."""
    torch.set_num_threads(1)
    problem = workloads.find("digits")
    chosen = [(rules.find(rule, lr=rate), 0, "constant") for rule, rate in CONTESTANTS]
    rows = []
    for others in (0, processes):
        ratios, ties, clocks = [], 0, set()
        with busy(others):
            for _ in range(timings):
                times = step_times(problem, chosen)
                logs = np.log(np.array(times.seconds[1]) / np.array(times.seconds[0]))
                low, high = step_time_interval(logs)
                ties += low <= 0 <= high
                ratios.append(float(np.exp(logs.mean())))
                clocks.add(times.clock)
        rows.append({
            "other busy processes": others, "timings": timings, "twins tie": f"{ties / timings:.1%}",
            "ratio of the twins": f"{min(ratios):.3f} to {max(ratios):.3f}", "clock": ", ".join(sorted(clocks)),
        })  # fmt: skip
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clocks", description=__doc__.partition("\n")[0])
    parser.add_argument("--timings", type=int, default=200)
    parser.add_argument("--busy", type=int, default=4, help="other processes")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/verdicts.md")
    arguments = parser.parse_args()
    from .__main__ import keep, table

    rows = table(measure(arguments.timings, arguments.busy))
    print(rows)
    if arguments.write:
        keep("clocks", rows)


if __name__ == "__main__":
    main()
