"""python -m benchmarks.targets WORKLOAD...: measure what target separates good settings from careless ones.

Adam and momentum train the workload at eight rates (more where the best lies at an end). Then the better one trains at
its best rate on fresh seeds, and on the first of these at a tenth of it, as somebody does who does not tune; the other
one at its best rate on these. A good target
is reached by the best setting in half to four fifths of a run, and hardly ever at a tenth of its rate.

Every curve is kept in benchmarks/curves/ as soon as its run ends, so that an interrupted measurement goes on where it
stopped; the summary stands beside the workload, in `measured/`. A target that the workload's file has, and that passes,
stays; another one is to be written there by hand. Seconds are those of processors: what else runs on the machine counts
less in them. Where they go is measured on an idle step of the same setting, by `steepest.training.step_parts`.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from steepest import rules, workloads
from steepest.base.errors import InvalidValue, SteepestError
from steepest.base.files import make_folder, write
from steepest.statistics import BROKEN
from steepest.study.environment import versions
from steepest.training import step_parts, step_times, train
from steepest.training.forecast import forecasts, one_thread
from steepest.training.grid import grid
from steepest.workloads import Problem

from . import curves

CURVES = Path(__file__).parent / "curves"

RATES = {"adam": 0.00025, "momentum": 0.005}
"""The rules, and the least of the rates that each is tried at; the next is twice as large."""

TRIED, MOST = 8, 14
"""Rates of a rule, and at most where the best lies at an end."""

CARELESS = 10.0
"""By what the best rate is divided."""

FIRST_FRESH = 1001
"""Seed of the first run at the best rate: none of those that chose it."""

OF_BARS, GOOD, BAD = 10, 8, 2
"""Seeds that the bar "separates" is judged on, how many reach the target at the best rate, and at a tenth of it."""

MOST_DATA = 0.1
"""The share of a step that getting the data may take."""

Row = dict[str, Any]


# --- runs -------------------------------------------------------------------------------------------------------------


def run(workload: str, schedule: str, rule: str, lr: float, seed: int) -> Row:
    """One run as it is kept: its metric at each measurement, and its processor seconds."""
    problem = workloads.find(workload, try_out=False)
    with one_thread():
        started = time.process_time()
        made = train(problem, rules.find(rule, lr=lr), seed, schedule=schedule)
        seconds = time.process_time() - started
    metric = [float(f"{point.metric:.5g}") if math.isfinite(point.metric) else None for point in made.curve[1:]]
    diverged = made.outcome.status in BROKEN
    return {"rule": rule, "lr": lr, "seed": seed, "seconds": round(seconds, 3), "diverged": diverged, "metric": metric}


class Kept:
    """The runs of one workload in its file, a line each behind a line that says of what they are."""

    def __init__(self, file: Path, header: Row) -> None:
        self.file, self.header = file, header
        self._rows: dict[tuple[str, float, int], Row] = {}
        if file.exists():
            first, *lines = file.read_text(encoding="utf-8").split("\n")[:-1]  # a line without end was interrupted
            before = json.loads(first)
            if other := [key for key, value in header.items() if before.get(key) != value and key != "date"]:
                raise InvalidValue(
                    f"{file}: holds runs with another {', '.join(other)}; delete it, or choose a folder with --out"
                )
            self.header = before
            self._rows = {self._key(row): row for row in map(json.loads, lines)}
        make_folder(file.parent)
        write(file, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in (self.header, *self._rows.values())))

    @staticmethod
    def _key(row: Row) -> tuple[str, float, int]:
        return row["rule"], row["lr"], row["seed"]

    def add(self, row: Row) -> None:
        """Keep a run."""
        self._rows[self._key(row)] = row
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(row)}\n")

    def of(self, rule: str, lr: float, seeds: Sequence[int]) -> list[Row]:
        """The runs of a setting on these seeds, those that are there."""
        return [self._rows[key] for seed in seeds if (key := (rule, lr, seed)) in self._rows]

    def curves(self, rule: str, lr: float, seeds: Sequence[int]) -> list[curves.Curve]:
        """Their curves."""
        return [row["metric"] for row in self.of(rule, lr, seeds)]

    def __contains__(self, key: tuple[str, float, int]) -> bool:
        return key in self._rows


class Measurement:
    """The runs of one workload, which are done when they are asked for and not there."""

    def __init__(self, kept: Kept, problem: Problem, arguments: argparse.Namespace, pool: Executor | None) -> None:
        self.kept, self.problem, self.pool = kept, problem, pool
        self._run = partial(run, problem.name, arguments.schedule)
        self.scan = range(1, arguments.scan + 1)
        self.fresh = range(FIRST_FRESH, FIRST_FRESH + arguments.seeds)
        self.careless = self.fresh[: arguments.careless]

    def do(self, what: str, wanted: Sequence[tuple[str, float, int]]) -> None:
        """Do the runs that are not there, one a process at a time, and keep each as it ends."""
        todo = [key for key in wanted if key not in self.kept]
        for number, row in enumerate(self._results(todo), len(wanted) - len(todo) + 1):
            self.kept.add(row)
            last = row["metric"][-1]
            end = "diverged" if row["diverged"] or last is None else f"{self.problem.metric_name} {last:g}"
            place = f"{what}, {number} of {len(wanted)}"
            print(
                f"{place}: {row['rule']} {row['lr']:g}, seed {row['seed']}: {end}, {row['seconds']:.1f} s", flush=True
            )

    def _results(self, todo: Sequence[tuple[str, float, int]]) -> Iterator[Row]:
        if self.pool is None:
            yield from (self._run(*key) for key in todo)
            return
        for done in as_completed([self.pool.submit(self._run, *key) for key in todo]):
            yield done.result()

    def scores(self, rule: str) -> dict[float, float]:
        """What each rate of a rule came to, on the mean over the seeds of the choice; more rates beyond an end."""
        rates = [RATES[rule] * 2**index for index in range(TRIED)]
        while True:
            self.do(f"choosing the rate of {rule}", [(rule, lr, seed) for seed in self.scan for lr in rates])
            scores = {lr: self._score(rule, lr) for lr in rates}
            place = rates.index(self.best(scores))
            if len(rates) >= MOST or 0 < place < len(rates) - 1:
                return scores
            rates = [*rates, 2 * rates[-1]] if place else [rates[0] / 2, *rates]

    def _score(self, rule: str, lr: float) -> float:
        better = self.problem.higher_is_better
        ends = [curves.final(curve, self.problem.steps, better) for curve in self.kept.curves(rule, lr, self.scan)]
        return sum(ends) / len(ends)

    def best(self, scores: dict[Any, float]) -> Any:
        """The key of the best score."""
        return (max if self.problem.higher_is_better else min)(scores, key=scores.__getitem__)


# --- what they say ----------------------------------------------------------------------------------------------------


def measure(measurement: Measurement, target: float | None) -> Row:
    """Do all runs of a workload, and say what they tell of its target; None: the workload's own, if it passes."""
    problem, kept = measurement.problem, measurement.kept
    better, steps = problem.higher_is_better, problem.steps
    scores = {rule: measurement.scores(rule) for rule in RATES}
    rates = {rule: measurement.best(of_rates) for rule, of_rates in scores.items()}
    first = measurement.best({rule: scores[rule][lr] for rule, lr in rates.items()})
    for rule in sorted(rates, key=lambda rule: rule != first):
        seeds = measurement.fresh if rule == first else measurement.careless
        measurement.do(f"{rule} at its best rate", [(rule, rates[rule], seed) for seed in seeds])
    less = [(first, rates[first] / CARELESS, seed) for seed in measurement.careless]
    measurement.do(f"{first} at a tenth of it", less)
    proposed = curves.propose(kept.curves(first, rates[first], measurement.fresh), steps, better)

    def judged(goal: float) -> Row:
        few = measurement.fresh[:OF_BARS]
        good, bad, all_good = (
            curves.shares(kept.curves(first, rates[first] / by, seeds), steps, goal, better)
            for by, seeds in ((1.0, few), (CARELESS, few), (1.0, measurement.fresh))
        )
        reached = [sum(map(math.isfinite, found)) for found in (good, bad)]
        share = median(all_good)
        passes = {
            "separates": reached[0] >= GOOD / OF_BARS * len(good) and reached[1] <= BAD / OF_BARS * len(bad),
            "reached_in_time": curves.EARLIEST <= share <= curves.LATEST,
        }
        counts = {"best": f"{reached[0]} of {len(good)}", "a_tenth": f"{reached[1]} of {len(bad)}"}
        return {"rule": first, "lr": rates[first], **counts, "share_of_run": _short(share), **passes}

    if target is None:
        own = judged(problem.target)
        target = problem.target if own["separates"] and own["reached_in_time"] else proposed
    return {
        "workload": problem.name, "target": target, "proposed": proposed, "metric": problem.metric_name,
        "higher_is_better": better, **{key: kept.header[key] for key in ("steps", "batch_size", "schedule")},
        "parameters": kept.header["parameters"], "bar": judged(target),
        "rules": {rule: _of_rule(measurement, rule, lr, scores[rule], target) for rule, lr in rates.items()},
        "cost": _cost(measurement, rates),
        "measured": {key: kept.header[key] for key in ("date", "processor", "python", "versions")},
    }  # fmt: skip


def _of_rule(measurement: Measurement, rule: str, lr: float, scores: dict[float, float], target: float) -> Row:
    """What the runs of one rule say."""
    problem, kept = measurement.problem, measurement.kept
    row: Row = {"lr": lr, "rates": {f"{rate:g}": _short(score) for rate, score in scores.items()}}
    for name, rate, seeds in (("best", lr, measurement.fresh), ("a_tenth", lr / CARELESS, measurement.careless)):
        if not (runs := kept.curves(rule, rate, seeds)):
            continue
        found = sorted(curves.shares(runs, problem.steps, target, problem.higher_is_better))
        ends = sorted(curves.final(curve, problem.steps, problem.higher_is_better) for curve in runs)
        row[name] = {
            "seeds": len(runs), "reached": sum(map(math.isfinite, found)),
            "share_of_run": [_short(share) for share in (found[0], median(found), found[-1])],
            "final": [_short(end) for end in (ends[0], median(ends), ends[-1])],
        }  # fmt: skip
    return row


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _cost(measurement: Measurement, rates: dict[str, float]) -> Row:
    """Processor seconds of a run, of the data before the first in a process, and of each part."""
    problem, schedule = measurement.problem, measurement.kept.header["schedule"]
    with one_thread():
        chosen = [(rules.find(rule, lr=lr), 0, schedule) for rule, lr in rates.items()]
        (forecast,) = forecasts(problem, [(*chosen[0], problem.steps)])
        parts = step_parts(problem, chosen, step_times(problem, chosen, rounds=5))
    names = ("data", "model", "optimizer")
    of_steps = {
        rule: {name: median(getattr(part, name) for part in own) for name in names}
        for rule, own in zip(rates, parts, strict=True)
    }
    slowest = max(own["data"] / sum(own.values()) for own in of_steps.values())
    seconds = {
        rule: _short(median(row["seconds"] for row in measurement.kept.of(rule, lr, measurement.fresh)))
        for rule, lr in rates.items()
    }
    return {
        "processor_seconds_a_run": seconds, "measurements": len(grid(problem.steps)) + 1,
        "milliseconds_a_measurement": _short(1e3 * forecast.measure),
        "milliseconds_a_step": {
            rule: {name: _short(1e3 * own[name]) for name in names} for rule, own in of_steps.items()
        },
        "share_of_data": _short(slowest), "cheap_data": not slowest > MOST_DATA,
    }  # fmt: skip


# --- the command ------------------------------------------------------------------------------------------------------


def header_of(problem: Problem, schedule: str) -> Row:
    """What runs are of: another one of these makes other curves, or times that do not compare."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    model = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    with one_thread():
        begun = train(problem, rules.find("adam"), 0, steps=5)
        parameters = sum(param.numel() for param in problem.begin(0, "cpu").model.parameters() if param.requires_grad)
    return {
        "workload": problem.name, "steps": problem.steps, "batch_size": problem.batch_size, "schedule": schedule,
        "metric": problem.metric_name, "parameters": parameters, "fingerprint": begun.fingerprint,
        "loss_after_5_steps": float(f"{begun.curve[-1].train_loss:.5g}"),
        "processor": next(model, platform.machine()), "python": platform.python_version(), "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip


def summary_file(workload: str) -> Path:
    """The place of a workload's summary: beside its file.

    >>> summary_file("clothes").parts[-3:]
    ('applications', 'measured', 'clothes.json')
    """
    return workloads.file_of(workload).parent / "measured" / f"{workload}.json"


def shown(summary: Row) -> str:
    """The summary in a few lines."""
    bar, cost = summary["bar"], summary["cost"]
    verdict = {True: "passes", False: "FAILS"}
    lines = [
        f"{summary['workload']}: target {summary['target']:g} ({summary['metric']}), proposed {summary['proposed']:g}",
        f"  separates: {bar['rule']} {bar['lr']:g} reaches it on {bar['best']} seeds, a tenth of that on"
        f" {bar['a_tenth']}: {verdict[bar['separates']]}",
        f"  the middle seed reaches it at {bar['share_of_run']} of the run: {verdict[bar['reached_in_time']]}",
        f"  data take {cost['share_of_data']:.1%} of a step: {verdict[cost['cheap_data']]}",
    ]
    for rule, row in summary["rules"].items():
        rates = ", ".join(f"{rate} {score}" for rate, score in row["rates"].items())
        less = f", at a tenth {row['a_tenth']}" if "a_tenth" in row else ""
        lines.append(f"  {rule}: {rates}; at {row['lr']:g} {row['best']}{less}")
    lines.append(f"  {cost}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="+", metavar="WORKLOAD", help="names of built-in workloads")
    parser.add_argument("--scan", type=int, default=1, help="seeds on which the rate is chosen (1)")
    parser.add_argument("--seeds", type=int, default=20, help="fresh seeds of the best rate (20)")
    parser.add_argument(
        "--careless", type=int, default=10, help="of these, for a tenth of it and for the other rule (10)"
    )
    parser.add_argument("--schedule", default="constant", help="of the learning rate (constant)")
    parser.add_argument("--target", type=float, help="judge this one; default: the workload's, or the proposed one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: one a core")
    parser.add_argument("--out", type=Path, help="folder for curves and summaries instead of the places in the project")
    chosen = parser.parse_args(arguments)
    if chosen.out:
        make_folder(chosen.out)
    pool = None if chosen.jobs == 1 else ProcessPoolExecutor(chosen.jobs, get_context("spawn"))
    try:
        for workload in chosen.workloads:
            measure_one(workload, chosen, pool)
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)


def measure_one(workload: str, chosen: argparse.Namespace, pool: Executor | None) -> None:
    """Measure a workload, print what it came to, and write the summary."""
    problem = workloads.find(workload, try_out=False)
    if problem.name != workload or not workload.isidentifier():
        raise InvalidValue(f"{workload}: name a built-in workload, without settings")
    file, curves_file = summary_file(workload), CURVES / f"{workload}.jsonl"
    if chosen.out:
        file, curves_file = chosen.out / f"{workload}.json", chosen.out / f"{workload}.jsonl"
    kept = Kept(curves_file, header_of(problem, chosen.schedule))
    summary = measure(Measurement(kept, problem, chosen, pool), chosen.target)
    make_folder(file.parent)
    write(file, f"{json.dumps(summary, indent=1, ensure_ascii=False)}\n")
    print(f"\n{shown(summary)}\n{file}, {curves_file}")
    if summary["target"] != problem.target:
        print(f"{workloads.file_of(workload)}: write  target={summary['target']:g}  (there it is {problem.target:g})")


if __name__ == "__main__":
    try:
        main()
    except SteepestError as error:
        raise SystemExit(f"benchmarks.targets: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on from here") from None
