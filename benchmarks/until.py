"""python -m benchmarks.until [--sequences 1000] [--write]: how often `--until 40` is wrong, and its seeds.

Times to the target are log-normal, with a part that all contestants of a seed share; in some rows a share of the runs
misses. Each sequence goes through the looks that a study goes through, with the functions and levels that it uses, and
stops at the first at which the leader is told from all others.
"""

import argparse
import math
from typing import Any

import numpy as np
import pandas as pd

from steepest.statistics import paired_ratios, verdict
from steepest.study import Contestant, Goal, Plan
from steepest.study.looks import level_of, looks_of

__all__ = ["measure"]

CASES = ((2, 1.0, 1.0), (5, 1.0, 1.0), (2, 0.7, 1.0), (2, 1.0, 1.15), (5, 1.0, 1.15))
"""Contestants, share of their runs that reach the target, and factor by which all but one are slower."""

Row = dict[str, Any]


def sequence(count: int, share: float, factor: float, random: np.random.Generator) -> tuple[int, bool, bool]:
    """The seeds at which a sequence ended, whether a winner was told alone, and whether anything was told apart."""
    looks = looks_of(12, 40)
    plan = Plan((Goal("w", 0.0),), (Contestant("w", "a", "sgd", 0, 1),) * count, looks[0], looks=looks)
    times = np.exp(4 + random.normal(0, 0.15, (looks[-1], 1)) + random.normal(0, 0.2, (looks[-1], count)))
    times[:, 1:] *= factor
    times[random.random(times.shape) > share] = math.inf
    told = False
    for seeds in looks:
        runs = pd.DataFrame({
            "label": np.tile([f"c{i}" for i in range(count)], seeds), "phase": "report",
            "seed": np.repeat(np.arange(seeds), count), "final_loss": 0.1, "steps_to_target": times[:seeds].ravel(),
        })  # fmt: skip
        level = level_of(Plan(plan.workloads, plan.contestants, seeds, looks=looks), count)
        if np.isfinite(runs.groupby("label")["steps_to_target"].median()).any():
            told |= bool((paired_ratios(runs, level=level)["word"] != "tie").any())
            if len(verdict(runs, level=level).first) == 1:
                return seeds, True, told
    return looks[-1], False, told


def measure(sequences: int) -> list[Row]:
    """Rows of a table, one a case."""
    rows = []
    for number, (count, share, factor) in enumerate(CASES):
        random = np.random.default_rng(number)
        ends, alone, told = zip(*(sequence(count, share, factor, random) for _ in range(sequences)), strict=True)
        others = "equal" if factor == 1 else f"all but one {factor - 1:.0%} slower"
        rows.append({
            "contestants": f"{count}, {others}", "reach the target": f"{share:.0%}", "sequences": sequences,
            "a sole winner": f"{np.mean(alone):.1%}", "any told apart": f"{np.mean(told):.1%}",
            "seeds on average": f"{np.mean(ends):.1f}",
        })  # fmt: skip
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.until", description=__doc__.partition("\n")[0])
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/verdicts.md")
    arguments = parser.parse_args()
    rows = measure(arguments.sequences)
    from .__main__ import keep, table

    print(table(rows))
    if arguments.write:
        keep("until", table(rows))


if __name__ == "__main__":
    main()
