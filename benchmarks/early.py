"""python -m benchmarks.early [--studies 200] [--seeds 12] [--pool FOLDER] [--write]: early stopping, saved and lost.

Whole studies of the lecture's five optimizers are simulated from a pool of real runs of the digits network: each rule
at 49 learning rates of its range, on several seeds. A study draws quasi-random points, takes the nearest learning rates
and the runs of random seeds, and goes through the functions that a real study goes through, once with every trial run
to its end and once with `--stop-early`; points, seeds and report seeds are the same. Counted are all steps of a study:
those of trials, of every attempt of one that runs again from its start, of finalists and of reports.
"""

import argparse
import math
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from steepest import rules, workloads
from steepest.statistics import BROKEN, STOPPED, ahead, best_trials, finalists, verdict
from steepest.study import LECTURE_FIVE
from steepest.study.early import EARLY_STOPPING, Rung, kept, pauses
from steepest.training import train
from steepest.training.grid import grid

__all__ = ["measure"]

RATES = 49
TRIALS, SEEDS, SEARCHES, SEARCH_SEEDS, FINALISTS = 32, 12, 2, 3, 4
"""The defaults of `steepest compare`."""

Row = dict[str, Any]


# --- the pool ---------------------------------------------------------------------------------------------------------


def rates_of(rule: str) -> np.ndarray:
    """The learning rates of the pool."""
    low, high = rules.resolve(rule).rule_class.hyperparameters()["lr"].metadata["facts"].search
    return np.geomspace(low, high, RATES)


def _runs_of_seed(rule: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    torch.set_num_threads(1)
    problem = workloads.find("digits")
    points = grid(problem.steps)
    metric, loss = (np.full((RATES, len(points)), np.nan, dtype=np.float32) for _ in range(2))
    broken = np.zeros(RATES, dtype=bool)
    for index, rate in enumerate(rates_of(rule)):
        run = train(problem, rules.find(rule, lr=float(rate)), seed)
        metric[index, : len(run.curve) - 1] = [point.metric for point in run.curve[1:]]
        loss[index, : len(run.curve) - 1] = [point.loss for point in run.curve[1:]]
        broken[index] = run.outcome.status in BROKEN
    return metric, loss, broken


@dataclass(frozen=True)
class Pool:
    """Runs of one rule: `metric` and `loss` at each step of the `grid` (seeds, rates, steps), and which broke.

    `default` is the index of the rate nearest to the rule's own, which the first trial of a search has.
    """

    grid: np.ndarray
    metric: np.ndarray
    loss: np.ndarray
    broken: np.ndarray
    default: int = 0

    def length(self, seed: int, rate: int, until: float = math.inf) -> int:
        """Steps that a run makes, to its end or to the first measurement at a step or after."""
        made = self.grid[np.isfinite(self.metric[seed, rate])]
        last = int(made[-1]) if len(made) else 1
        after = self.grid[self.grid >= until]
        return min(last, int(after[0])) if len(after) else last


def make_pool(rule: str, seeds: int, folder: Path) -> Pool:
    """The pool of a rule, from its file in the folder, or by training."""
    file = folder / f"curves-{rule}-{seeds}.npz"
    if not file.exists():
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            metric, loss, broken = zip(*processes.map(partial(_runs_of_seed, rule), range(seeds)), strict=True)
        points = grid(workloads.find("digits").steps)
        np.savez(file, grid=points, metric=np.stack(metric), loss=np.stack(loss), broken=np.stack(broken))
    with np.load(file) as stored:
        default = int(np.abs(np.log(rates_of(rule) / rules.find(rule).lr)).argmin())
        return Pool(*(stored[name] for name in ("grid", "metric", "loss", "broken")), default)


# --- simulated studies ------------------------------------------------------------------------------------------------


class Study:
    """One study, drawn from the pools: the rates of every trial, and the seeds."""

    def __init__(self, pools: dict[str, Pool], target: float, random: np.random.Generator) -> None:
        self.pools, self.target = pools, target
        count = next(iter(pools.values())).metric.shape[0]
        order = random.permutation(count)
        self.reports = order[:SEEDS]
        self.seeds = np.concatenate([order[SEEDS:], random.permutation(count)])[: SEARCHES * SEARCH_SEEDS]
        scrambles = random.integers(2**31, size=SEARCHES)
        self.rates = [
            np.rint(
                torch.quasirandom.SobolEngine(1, scramble=True, seed=int(scramble))  # type: ignore[no-untyped-call]
                .draw(TRIALS, dtype=torch.float64)
                .numpy()[:, 0]
                * (RATES - 1)
            ).astype(int)
            for scramble in scrambles
        ]

    def carry_out(self, rungs: Sequence[Rung]) -> tuple[tuple[str, ...], int, int]:
        """The first of the verdict, the leader on top; the steps of the trials on their first seed, and all steps."""
        reports, in_trials, steps = [], 0, 0
        for label, pool in self.pools.items():
            winners = []
            for search, points in enumerate(self.rates):
                rates = np.concatenate([[pool.default], points[1:]])
                seeds = self.seeds[search * SEARCH_SEEDS :][:SEARCH_SEEDS]
                runs, made = self._trials(pool, rates, seeds[0], rungs)
                chosen = finalists(runs, FINALISTS)
                more = [self._row(pool, trial, rates[trial], seed, number)
                        for trial in chosen for number, seed in enumerate(seeds[1:], 1)]  # fmt: skip
                in_trials += made
                steps += sum(pool.length(seed, rates[trial]) for trial in chosen for seed in seeds[1:])
                best = best_trials(pd.concat([runs, pd.DataFrame(more)], ignore_index=True))
                winners.append(int(rates[best["trial"].iloc[0]]))
            for number, seed in enumerate(self.reports):
                rate = winners[number % SEARCHES]
                row = self._row(pool, 0, rate, seed, number + 1)
                reports.append(row | {"label": label, "phase": "report", "search": number % SEARCHES})
                steps += pool.length(seed, rate)
        first = verdict(pd.DataFrame(reports)).first
        return first, in_trials, steps + in_trials

    def _row(self, pool: Pool, trial: int, rate: int, seed: int, number: int) -> Row:
        hit = np.flatnonzero(pool.metric[seed, rate] >= self.target)
        return {
            "label": "a", "phase": "search", "trial": trial, "seed": number, "final_loss": pool.loss[seed, rate, -1],
            "status": "diverged" if pool.broken[seed, rate] else "finished",
            "steps_to_target": float(pool.grid[hit[0]]) if len(hit) else math.inf,
        }  # fmt: skip

    def _trials(self, pool: Pool, rates: np.ndarray, seed: int, rungs: Sequence[Rung]) -> tuple[pd.DataFrame, int]:
        """The runs of all trials on the first seed, and the steps that they took."""
        runs = pd.DataFrame([self._row(pool, trial, rate, seed, 0) for trial, rate in enumerate(rates)])
        going, steps = list(range(TRIALS)), 0
        for pause, keep in pauses(rungs, int(pool.grid[-1])).items():
            steps += sum(pool.length(seed, rates[trial], pause) for trial in going)
            curves = pd.concat(
                pd.DataFrame({"trial": trial, "step": pool.grid, "metric": pool.metric[seed, rates[trial]]})
                for trial in going
            ).dropna()
            going = ahead(curves, pause, self.target, higher_is_better=True)[: kept(keep, TRIALS, FINALISTS)]
            stopped = ~runs["trial"].isin(going)
            runs.loc[stopped, "status"] = STOPPED
            runs.loc[stopped & (runs["steps_to_target"] > pause), "steps_to_target"] = math.inf
        return runs, steps + sum(pool.length(seed, rates[trial]) for trial in going)


# --- the table --------------------------------------------------------------------------------------------------------


def measure(studies: int, seeds: int, folder: Path, rungs: Sequence[Rung] = EARLY_STOPPING) -> list[Row]:
    """Rows of a table, one a target: shares of the steps, and of the studies with a winner of the full study."""
    torch.set_num_threads(1)
    pools = {rule: make_pool(rule, seeds, folder) for rule in LECTURE_FIVE}
    rows = []
    for target in (workloads.find("digits").target, 0.97):
        random = np.random.default_rng(0)
        same, trials, all_steps = [], [], []
        for _ in range(studies):
            study = Study(pools, target, random)
            full, stopped = study.carry_out(()), study.carry_out(rungs)
            same.append(not full[0] or (bool(stopped[0]) and stopped[0][0] in full[0]))
            trials.append((full[1], stopped[1]))
            all_steps.append((full[2], stopped[2]))
        of_trials, of_all = (np.sum(pairs, axis=0) for pairs in (trials, all_steps))
        rows.append({
            "target": f"{target:g}", "studies": studies,
            "steps of the trials": f"{of_trials[1] / of_trials[0]:.0%}",
            "steps of the study": f"{of_all[1] / of_all[0]:.0%}",
            "its winner is among the full study's first": f"{np.mean(same):.1%}",
        })  # fmt: skip
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.early", description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=12, help="seeds of the pool")
    parser.add_argument("--pool", type=Path, help="folder that the pool is kept in")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/verdicts.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments.studies, arguments.seeds, arguments.pool or Path(folder))
    from .__main__ import keep, table

    print(table(rows))
    if arguments.write:
        keep("early", table(rows))


if __name__ == "__main__":
    main()
