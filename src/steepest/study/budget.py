"""Plans for a budget: as many trials, seeds and searches as fit into a number of runs or into a time.

One number decides, the trials of a search; the others follow from it in the proportions of the defaults, so that a
larger budget never leaves anything smaller. The budget is spent on all optimizers alike: in trials, or in seconds of
search, where an optimizer whose steps take longer gets fewer trials. Times are forecast from a few steps of each.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import rules
from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..rules import External
from .plan import MOST_TRIALS, Contestant, Plan
from .workers.executors import at_a_time

if TYPE_CHECKING:
    from ..training.forecast import Forecast
    from ..workloads import Problem

__all__ = [
    "CHOSEN", "EQUAL", "Budget", "Expected", "budget_of", "check_equal", "duration", "expected_time", "forecasts_of",
    "is_same_request", "planned", "read_seconds", "rough_forecasts",
]  # fmt: skip

CHOSEN = ("trials", "seeds", "searches", "search_seeds")
"""What a budget chooses."""

EQUAL = ("trials", "seconds")
"""What all optimizers get the same of."""

LEAST_TRIALS, LEAST_SEEDS, MOST_SEEDS = 4, 5, 999
"""Of a search, and of reports: fewer pairs than five hardly tell anything."""

START = 4.0
"""Seconds until the first run begins, and for the report."""

SLACK = 1.2
"""Factor on forecast times: processes that share a machine slow each other down."""

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

Make = Callable[..., Plan]


def read_seconds(text: str) -> float:
    """A time as people write it, in seconds.

    >>> read_seconds("30m"), read_seconds("1h30m"), read_seconds("1.5h")
    (1800.0, 5400.0, 5400.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd])", text)
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if "".join(f"{number}{unit}" for number, unit in parts) != re.sub(r"\s", "", text) or not 0 < seconds < 1e9:
        raise InvalidValue(f"budget: {text!r} is no time; write 90s, 30m, 2h or 1d")
    return seconds


def duration(seconds: float) -> str:
    """A time in the largest unit of which there are two or more.

    >>> duration(45), duration(400), duration(9000)
    ('45s', '7m', '2.5h')
    """
    for unit, size in reversed(UNITS.items()):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g}{unit}" if size >= 3600 else f"{math.ceil(seconds / size)}{unit}"
    return f"{math.ceil(seconds)}s"


def check_equal(equal: str) -> None:
    """Raise `UnknownName` unless optimizers can get the same of it."""
    if equal not in EQUAL:
        raise UnknownName(f"equal: unknown share {equal!r}; {did_you_mean(equal, EQUAL)}")


# --- what a plan costs ------------------------------------------------------------------------------------------------


def seconds_of_search(plan: Plan, contestant: Contestant, forecast: "Forecast") -> float:
    """Seconds of all runs of a contestant's searches, those that stop early included, one after the other."""
    trials, steps = len(contestant.trials), contestant.steps
    searches = min(plan.searches, trials)
    running, seconds = trials, 0.0
    for pause, kept in plan.pauses_of(contestant).items():
        seconds += running * forecast.run(steps, pause)
        running = min(running, searches * kept)
    whole = running + plan.search_runs(contestant) - trials
    return seconds + whole * forecast.run(steps)


@dataclass(frozen=True)
class Expected:
    """What a study will take.

    Attributes:
        seconds: from its first run to its report.
        shares: of the runs of each optimizer, by label, in that time.
    """

    seconds: float
    shares: Mapping[str, float]

    @property
    def dearest(self) -> str | None:
        """The optimizer whose runs take the most, if that is half as much again as if all took alike."""
        label = max(self.shares, key=lambda label: self.shares[label])
        return label if self.shares[label] >= 1.5 / len(self.shares) else None


def expected_time(plan: Plan, forecasts: "Sequence[Forecast]", processes: int) -> Expected:
    """The time of a whole study, from a forecast for each contestant, with so many runs at a time."""
    work = dict.fromkeys((contestant.label for contestant in plan.contestants), 0.0)
    for contestant, forecast in zip(plan.contestants, forecasts, strict=True):
        reports = plan.seeds * forecast.run(contestant.steps)
        work[contestant.label] += seconds_of_search(plan, contestant, forecast) + reports
    total = sum(work.values())
    shares = {label: seconds / total for label, seconds in work.items()} if total else dict.fromkeys(work, 0.0)
    return Expected(START + SLACK * total / processes, shares)


# --- the plan ---------------------------------------------------------------------------------------------------------


class Budget:
    """How much a study may cost.

    Args:
        seconds: of the whole study; or
        runs: their number.
        equal: "trials" or "seconds": what every optimizer gets the same of.
        processes: number of runs at a time.

    Attributes:
        text: what was asked for.
        expected: what the plan will take, once it is made, where steps were timed.

    Raises:
        InvalidValue: both, or one out of range.
        UnknownName: `equal` is none of the two.
    """

    def __init__(
        self, seconds: str | None = None, runs: int | None = None, equal: str = EQUAL[0], processes: int = 1
    ) -> None:
        check_equal(equal)
        if seconds is not None and runs is not None:
            raise InvalidValue("budget, runs: both say how much a study may cost; leave out one")
        if runs is not None and (isinstance(runs, bool) or not isinstance(runs, int) or runs < 1):
            raise InvalidValue(f"runs: must be a whole number from 1, got {runs!r}")
        self.seconds = None if seconds is None else read_seconds(seconds)
        self.runs, self.equal, self.processes = runs, equal, processes
        self.expected: Expected | None = None
        self.text = f"{runs} runs" if seconds is None else re.sub(r"\s", "", seconds)

    @property
    def needs_times(self) -> bool:
        """Whether steps must be timed."""
        return self.seconds is not None or self.equal == "seconds"

    def allows(self, plan: Plan, forecasts: "Sequence[Forecast]") -> bool:
        """Whether a plan costs no more."""
        if self.seconds is not None:
            return expected_time(plan, forecasts, self.processes).seconds <= self.seconds
        return plan.runs <= (self.runs or 0)

    def refusal(self, plan: Plan, forecasts: "Sequence[Forecast]") -> InvalidValue:
        """The error where even the smallest plan costs more."""
        if self.seconds is not None:
            least = duration(expected_time(plan, forecasts, self.processes).seconds)
            return InvalidValue(f"budget: {self.text} is too little for this comparison; the least is about {least}")
        return InvalidValue(f"runs: {self.runs} are too few for this comparison; the least is {plan.runs}")


def planned(make: Make, kept: Mapping[str, Any], budget: Budget, forecasts: "Sequence[Forecast]") -> Plan:
    """The largest plan that a budget allows.

    Args:
        make: makes a plan of `trials`, `seeds`, `searches` and `search_seeds`.
        kept: those of them that the user decides.
        budget: what it may cost.
        forecasts: one for each contestant of every such plan; empty where no times are needed.

    Raises:
        InvalidValue: the budget is too small; the message says the least.
    """

    def plan(size: int) -> Plan:
        return _shared(make(**{**_shape(size, searched), **kept}), budget, forecasts)

    searched = any(contestant.ranges for contestant in make(**{**_shape(LEAST_TRIALS, True), **kept}).contestants)
    low, most = (LEAST_TRIALS, MOST_TRIALS) if searched else (LEAST_SEEDS, MOST_SEEDS)
    best = plan(low)
    if not budget.allows(best, forecasts):
        raise budget.refusal(best, forecasts)
    high = 2 * low
    while high < most and budget.allows(found := plan(high), forecasts) and found.runs > best.runs:
        low, best, high = high, found, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if budget.allows(found := plan(middle), forecasts):
            low, best = middle, found
        else:
            high = middle
    if forecasts:
        budget.expected = expected_time(best, forecasts, budget.processes)
    return replace(best, budget=budget.text, equal=budget.equal)


def _shape(size: int, searched: bool) -> dict[str, int]:
    """The numbers of a comparison that follow from its trials; of 32, the defaults. Without a search, from its seeds.

    >>> _shape(32, True)
    {'trials': 32, 'seeds': 12, 'searches': 2, 'search_seeds': 3}
    """
    if not searched:
        return {"trials": 1, "seeds": size, "searches": min(2, size), "search_seeds": 1}
    seeds = min(MOST_SEEDS, max(LEAST_SEEDS, round(12 * math.sqrt(size / 32))))
    return {
        "trials": size, "seeds": seeds, "searches": 1 + (size >= 8), "search_seeds": 1 + (size >= 8) + (size >= 16),
    }  # fmt: skip


def _shared(plan: Plan, budget: Budget, forecasts: "Sequence[Forecast]") -> Plan:
    """The plan, where seconds are equal with fewer trials of those whose runs take longer than the fastest's."""
    if budget.equal == "trials":
        return plan
    times = [own.run(contestant.steps) for contestant, own in zip(plan.contestants, forecasts, strict=True)]
    contestants = []
    for contestant, seconds in zip(plan.contestants, times, strict=True):
        fastest = min(times[index] for index in plan.indices_on(contestant.workload))
        trials = max(1, math.floor(plan.trials * fastest / seconds + 1e-9))
        contestants.append(replace(contestant, trials=contestant.trials[: trials * plan.searches]))
    return replace(plan, contestants=tuple(contestants))


def budget_of(
    budget: str | None, runs: int | None, equal: str, jobs: int | None, on: str, devices: Sequence[str],
    per_device: int | None,
) -> Budget | None:  # fmt: skip
    """The budget that these options name; None where they name none.

    Raises:
        InvalidValue: one is out of range, has no effect, or on Ray the number of runs at a time is not known.
        UnknownName: there is no such `equal`.
    """
    check_equal(equal)
    if budget is None and runs is None:
        if equal != "trials":
            raise InvalidValue("equal: has no effect without --budget or --runs; leave it out, or add one of them")
        return None
    if budget is not None and on == "ray" and jobs is None:
        raise InvalidValue("budget: say how many runs the cluster does at a time, with --jobs")
    return Budget(budget, runs, equal, at_a_time(jobs, devices, per_device))


def forecasts_of(plan: Plan, problems: "Sequence[Problem]", device: str) -> "list[Forecast]":
    """The times of the parts of a run of every contestant, at its first trial's settings, in the plan's order."""
    from ..training.forecast import forecasts

    by_name: dict[str, list[Contestant]] = {problem.name: [] for problem in problems}
    for contestant in plan.contestants:
        by_name[contestant.workload].append(contestant)
    found: dict[tuple[str, str], Forecast] = {}
    for problem in problems:
        own = by_name[problem.name]
        runs = [(one.make_rule(one.trials[0]), one.batch_size, one.schedule, one.steps) for one in own]
        times = forecasts(problem, runs, device)
        found |= {(one.workload, one.label): time for one, time in zip(own, times, strict=True)}
    return [found[one.workload, one.label] for one in plan.contestants]


def rough_forecasts(plan: Plan, problems: "Sequence[Problem]", device: str) -> "list[Forecast]":
    """As `forecasts_of`, with one forecast for all rules of a workload that go number by number."""

    def kind(one: Contestant) -> tuple[str, str, int, int]:
        rule = rules.resolve(one.rule).rule_class
        own = "" if rule.elementwise and rule.least_axes <= 1 and not issubclass(rule, External) else one.rule
        return one.workload, own, one.batch_size, one.steps

    of_kinds = {kind(one): one for one in reversed(plan.contestants)}
    few = replace(plan, contestants=tuple(of_kinds.values()))
    times = dict(zip(map(kind, few.contestants), forecasts_of(few, problems, device), strict=True))
    return [times[kind(one)] for one in plan.contestants]


def is_same_request(first: Plan, plan: Plan) -> bool:
    """Whether two plans were asked for alike: for one budget the times, and so the trials, may differ a little."""
    return first == plan or bool(plan.budget and _asked(first) == _asked(plan))


def _asked(plan: Plan) -> Plan:
    contestants = tuple(replace(contestant, trials=()) for contestant in plan.contestants)
    return replace(plan, trials=0, seeds=0, searches=0, search_seeds=0, contestants=contestants)
