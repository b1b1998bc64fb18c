"""python -m benchmarks.verdicts [--studies 1000] [--seeds 40] [--pool FOLDER] [--write]: how often verdicts are wrong.

Whole studies are simulated from a pool of real runs: the digits network, trained by each rule at learning rates that
are close together, on many seeds. A study tries the rule's default and quasi-random points of its range: it takes the
nearest learning rates of the pool and the runs of random seeds, and goes through the functions that a real study goes
through: `finalists`, `best_trials`, `verdict`. Its two contestants are the same rule in other units (learning rate
times 1.3), one of them slowed down by a factor: 1 for twins, of which none should win.
"""

import argparse
import math
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from steepest import rules, workloads
from steepest.statistics import BROKEN, LEVEL_LATER, best_trials, finalists, paired_ratios, verdict
from steepest.statistics.ranges import position
from steepest.study import plan
from steepest.training import train
from steepest.training.grid import grid

__all__ = ["measure"]

UNIT = 1.3
"""Factor between the learning rates of the twins; the pool has three points for it."""

FINE = 3

POOL_RULES = ("sgd", "adam")

Row = dict[str, Any]


@dataclass(frozen=True)
class Pool:
    """Runs of one rule: `metric` at each step of the `grid` (seeds, learning rates, steps), `final_loss`, `broken`.

    `default` is the position of the rule's default in its range, 0 to 1.
    """

    grid: np.ndarray
    metric: np.ndarray
    final_loss: np.ndarray
    broken: np.ndarray
    default: float

    def steps(self, target: float) -> np.ndarray:
        """Steps to a target; shape (seeds, learning rates), inf where missed."""
        hit = self.metric >= target
        return np.where(hit.any(axis=-1), self.grid[hit.argmax(axis=-1)].astype(float), math.inf)


@dataclass(frozen=True)
class Protocol:
    """The numbers of a comparison."""

    trials: int = 32
    seeds: int = 12
    searches: int = plan.SEARCHES
    search_seeds: int = 3
    finalists: int | None = plan.FINALISTS
    default_trial: bool = True


DEFAULT = Protocol()
LARGE = Protocol(seeds=30, searches=3)
FORMER = Protocol(trials=16, searches=1, search_seeds=1, finalists=None, default_trial=False)
"""The default of the version before: one search on one seed."""


# --- the pool ---------------------------------------------------------------------------------------------------------


def learning_rates(rule: str) -> np.ndarray:
    """The learning rates of the pool: those of the rule's range and `UNIT` beyond, `FINE` of them a factor `UNIT`."""
    low, high = _range_of(rule)
    count = math.ceil(FINE * math.log(high / low) / math.log(UNIT)) + 1
    return low * UNIT ** (np.arange(-FINE, count + FINE) / FINE)


def _range_of(rule: str) -> tuple[float, float]:
    low, high = rules.resolve(rule).rule_class.hyperparameters()["lr"].metadata["facts"].search
    return low, high


def _runs_of_seed(rule: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    torch.set_num_threads(1)
    problem = workloads.find("digits")
    points = grid(problem.steps)
    rates = learning_rates(rule)
    metric, loss = np.full((len(rates), len(points)), np.nan, dtype=np.float32), np.full(len(rates), np.nan)
    broken = np.zeros(len(rates), dtype=bool)
    for index, rate in enumerate(rates):
        run = train(problem, rules.find(rule, lr=float(rate)), seed)
        values = [point.metric for point in run.curve[1:]]
        metric[index, : len(values)] = values
        loss[index], broken[index] = run.curve[-1].loss, run.outcome.status in BROKEN
    return metric, loss, broken


def make_pool(rule: str, seeds: int, folder: Path) -> Pool:
    """The pool of a rule, from its file in the folder, or by training."""
    file = folder / f"{rule}-{seeds}.npz"
    if not file.exists():
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            metric, loss, broken = zip(*processes.map(partial(_runs_of_seed, rule), range(seeds)), strict=True)
        points = grid(workloads.find("digits").steps)
        np.savez(file, grid=points, metric=np.stack(metric), final_loss=np.stack(loss), broken=np.stack(broken))
    with np.load(file) as stored:
        runs = {name: stored[name] for name in ("grid", "metric", "final_loss", "broken")}
    return Pool(**runs, default=position(float(rules.find(rule).lr), _range_of(rule)))


# --- simulated studies ------------------------------------------------------------------------------------------------


class Simulation:
    """Studies of a rule and its twin in other units."""

    def __init__(self, pool: Pool, protocol: Protocol, factor: float, target: float) -> None:
        self.pool, self.protocol, self.factor = pool, protocol, factor
        self.last = float(pool.grid[-1])
        self.times = pool.steps(target)

    def study(self, random: np.random.Generator) -> tuple[pd.DataFrame, list[list[int]], np.ndarray]:
        """The report runs of a study, the winners of both contestants, and the pool's seeds of further reports."""
        protocol, count = self.protocol, self.times.shape[0]
        needed = protocol.searches * protocol.search_seeds
        order = random.permutation(count)
        report, rest = order[: protocol.seeds], order[protocol.seeds :]
        if len(rest) < needed:  # the search may then meet a report seed again
            rest = np.concatenate([rest, random.permutation(count)])
        searches = {}
        for search in range(protocol.searches):
            unit = torch.quasirandom.SobolEngine(1, scramble=True, seed=int(random.integers(2**31)))  # type: ignore[no-untyped-call]
            positions = unit.draw(protocol.trials, dtype=torch.float64).numpy()[:, 0]
            if protocol.default_trial:
                positions[0] = self.pool.default
            seeds = rest[search * protocol.search_seeds :][: protocol.search_seeds]
            for contestant in range(2):
                searches[f"{contestant} {search}"] = self._search(positions, contestant * FINE, seeds)
        tables = [runs.assign(label=label) for label, (_, runs) in searches.items()]
        best = best_trials(pd.concat(tables, ignore_index=True))["trial"]
        chosen = [int(indices[int(best[label])]) for label, (indices, _) in searches.items()]
        winners = [chosen[0::2], chosen[1::2]]
        return self.reports(winners, report, 0), winners, random.permutation(order[protocol.seeds :])

    def _search(self, positions: np.ndarray, shift: int, seeds: np.ndarray) -> tuple[np.ndarray, pd.DataFrame]:
        """The learning rates of a search, as indices in the pool, and its runs."""
        inside = self.times.shape[1] - 2 * FINE
        indices = np.rint(positions * (inside - 1)).astype(int) + FINE + shift
        if self.protocol.finalists is None:
            return indices, self._search_runs(indices, range(len(indices)), seeds)
        runs = self._search_runs(indices, range(len(indices)), seeds[:1])
        chosen = finalists(runs, self.protocol.finalists)
        return indices, pd.concat([runs, self._search_runs(indices, chosen, seeds[1:], first=1)])

    def _search_runs(self, indices: np.ndarray, trials: Any, seeds: np.ndarray, first: int = 0) -> pd.DataFrame:
        rows = [(trial, number, seed) for trial in trials for number, seed in enumerate(seeds, first)]
        trial, number, seed = np.array(rows, dtype=int).reshape(-1, 3).T
        at = (seed, indices[trial])
        status = np.where(self.pool.broken[at], "diverged", "finished")
        return pd.DataFrame({
            "label": "a", "phase": "search", "trial": trial, "seed": number, "status": status,
            "steps_to_target": self.times[at], "final_loss": self.pool.final_loss[at],
        })  # fmt: skip

    def reports(self, winners: list[list[int]], seeds: np.ndarray, first: int) -> pd.DataFrame:
        """Report runs of both contestants; seed number `first + i` is the pool's `seeds[i]`."""
        tables = []
        numbers = np.arange(first, first + len(seeds))
        search = numbers % self.protocol.searches
        for contestant, (label, chosen) in enumerate(zip("ab", winners, strict=True)):
            at = (seeds, np.array(chosen)[search])
            steps = self.times[at] * (self.factor if contestant else 1.0)
            tables.append(pd.DataFrame({
                "label": label, "phase": "report", "seed": numbers + 1, "search": search,
                "steps_to_target": np.where(steps > self.last, math.inf, steps),
                "final_loss": self.pool.final_loss[at],
            }))  # fmt: skip
        return pd.concat(tables, ignore_index=True)


def winners_of(simulation: Simulation, studies: int, follow: bool, seed: int) -> np.ndarray:
    """For each study: 0 for a tie, 1 or 2 if the first or second contestant is the only winner, -1 if none arrived.

    Args:
        simulation: of studies.
        studies: their number.
        follow: whether to add the seeds that a tie asks for, if the pool has as many, and to look again.
        seed: of the simulation.
    """
    torch.set_num_threads(1)
    random = np.random.default_rng(seed)
    results = np.zeros(studies, dtype=int)
    for index in range(studies):
        runs, winners, spare = simulation.study(random)
        result = verdict(runs)
        if follow and len(result.first) == 2 and result.more_seeds <= len(spare):
            more = simulation.reports(winners, spare[: int(result.more_seeds)], simulation.protocol.seeds)
            result = verdict(pd.concat([runs, more], ignore_index=True), level=LEVEL_LATER)
        results[index] = {0: -1, 1: 1 + (result.first == ("b",)), 2: 0}[len(result.first)]
    return results


def twins_of_chance(seeds: int, contestants: int, share: float, studies: int, seed: int) -> float:
    """Share of studies in which equal contestants, which reach the target on a share of the seeds, are told apart.

    Times are log-normal, with a part that all contestants of a seed share.
    """
    random = np.random.default_rng(seed)
    told = 0
    for _ in range(studies):
        common = random.normal(0, 0.15, (seeds, 1))
        times = np.exp(4 + common + random.normal(0, 0.2, (seeds, contestants)))
        times[random.random(times.shape) > share] = math.inf
        runs = pd.DataFrame({
            "label": np.tile([f"c{i}" for i in range(contestants)], seeds), "phase": "report",
            "seed": np.repeat(np.arange(seeds), contestants), "final_loss": random.random(times.size),
            "steps_to_target": times.ravel(),
        })  # fmt: skip
        if np.isfinite(runs.groupby("label")["steps_to_target"].median()).any():
            told += bool((paired_ratios(runs)["word"] != "tie").any())
    return told / studies


# --- the table --------------------------------------------------------------------------------------------------------


def measure(studies: int, seeds: int, folder: Path) -> list[Row]:
    """Shares of studies with a sole winner, as rows of a table."""
    rows = []
    for rule in POOL_RULES:
        pool = make_pool(rule, seeds, folder)
        target, hard = workloads.find("digits").target, _target_reached_by(pool, 0.6)
        cases = [
            ("twins in other units, the protocol of the version before", FORMER, 1.0, target, False),
            ("twins in other units, defaults", DEFAULT, 1.0, target, False),
            ("40 % slower, defaults", DEFAULT, 1.4, target, False),
            ("twins in other units, 30 seeds and 3 searches", LARGE, 1.0, target, False),
            ("25 % slower, 30 seeds and 3 searches", LARGE, 1.25, target, False),
            ("twins in other units, defaults, then the seeds that a tie asks for", DEFAULT, 1.0, target, True),
            (f"twins that miss often (target {hard:.3f}), defaults", DEFAULT, 1.0, hard, False),
        ]
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            jobs = [
                processes.submit(winners_of, Simulation(pool, protocol, factor, goal), studies, follow, number)
                for number, (_, protocol, factor, goal, follow) in enumerate(cases)
            ]
            for (what, _, factor, _, _), job in zip(cases, jobs, strict=True):
                results = job.result()
                won = (results == 1).mean() if factor > 1 else (results > 0).mean()
                rows.append({"rule": rule, "studies": what, "a sole winner": f"{won:.1%}"})
    for count, contestants, share in ((5, 5, 0.4), (10, 2, 0.6), (10, 5, 0.6), (20, 5, 0.6), (10, 5, 1.0)):
        told = twins_of_chance(count, contestants, share, studies, count)
        what = f"{contestants} equal contestants, {count} seeds, {share:.0%} reach the target"
        rows.append({"rule": "simulated", "studies": what, "a sole winner": f"{told:.1%} (any told apart)"})
    return rows


def _target_reached_by(pool: Pool, share: float) -> float:
    """The target that this share of the runs at the best learning rate reach."""
    best = np.nanmax(pool.metric, axis=-1)
    return float(np.quantile(best[:, np.nanmean(best, axis=0).argmax()], 1 - share))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=40, help="seeds of the pool")
    parser.add_argument("--pool", type=Path, help="folder that the pool is kept in")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/verdicts.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments.studies, arguments.seeds, arguments.pool or Path(folder))
    from .__main__ import keep, table

    print(table(rows))
    if arguments.write:
        keep("verdicts", table(rows))


if __name__ == "__main__":
    main()
