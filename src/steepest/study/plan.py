"""The plan of a comparison, as data, fixed before the first run: workloads, contestants, their trials and seeds."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from .. import rules, schedules
from ..base.checks import check_whole
from ..base.decode import decode, parse_json
from ..base.errors import InvalidValue
from ..rules import Rule
from .devices import DEFAULT
from .early import Rung, kept, pauses
from .ranges import (
    Ranges,
    Settings,
    values_of,
)

__all__ = ["FINALISTS", "LECTURE_FIVE", "SEARCH_SEEDS", "Conditions", "Contestant", "Goal", "Plan", "check_count"]

LECTURE_FIVE = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
"""The optimizers that a comparison takes by default."""

SEARCH_SEEDS = 1000
"""Trials run on seeds 1000, 1001, ...; the winners are reported on seeds 1, 2, ... which no trial has seen."""

SEARCHES = 2
"""Independent searches of each contestant by default: the fewest that show by how much searches differ."""

FINALISTS = 4
"""The best trials of a search on its first seed; these run on its other seeds, too, and one of them wins."""


SAMPLERS = ("tpe", "cmaes", "gp", "random")
"""Optuna's samplers, by their names here."""

MOST_TRIALS, MOST_SEARCH_SEEDS, MOST_STEPS, MOST_POINTS_SEED = 10_000, 1_000, 10**8, 10**12
"""More is a mistake in typing: it would take years, and the memory that a plan has."""


@dataclass(frozen=True)
class Goal:
    """A workload of the comparison and the target to reach on it.

    Attributes:
        name: the built-in name, or the path of the user's file.
        target: the value of its metric to reach.
    """

    name: str
    target: float


class Conditions(NamedTuple):
    """Examples a step, steps, and the schedule of the learning rate."""

    batch_size: int
    steps: int
    schedule: str


@dataclass(frozen=True)
class Contestant:
    """One optimizer on one workload.

    Attributes:
        workload: name of the workload.
        label: its name in tables and figures, unique on a workload and the same on every one.
        rule: the rule as text, such as `adam(betas=(0.9, 0.98))`.
        batch_size: examples a step; 0 where the workload has no such number.
        steps: updates a run.
        schedule: of the learning rate over the steps.
        ranges: what is searched, by name of the setting; empty where all settings are fixed.
        trials: the settings of each trial.
        run_settings: the names in `ranges` and `trials` that are settings of the run, not of the rule.
    """

    workload: str
    label: str
    rule: str
    batch_size: int
    steps: int
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    trials: tuple[Settings, ...] = ()
    run_settings: tuple[str, ...] = ()

    def rule_settings(self, settings: Settings) -> Settings:
        """Those of a trial's settings that are the rule's."""
        return {name: value for name, value in settings.items() if name not in self.run_settings}

    def make_rule(self, settings: Settings) -> Rule:
        """The rule at one trial's settings."""
        return rules.find(self.rule, **self.rule_settings(settings))

    def conditions(self, settings: Settings) -> Conditions:
        """The conditions of a trial's runs: at another batch size, they see as many examples."""
        own = {name: settings[name] for name in self.run_settings}
        size, schedule = int(own.get("batch_size", self.batch_size)), str(own.get("schedule", self.schedule))  # type: ignore[arg-type]
        steps = self.steps if size == self.batch_size else max(1, round(self.steps * self.batch_size / size))
        return Conditions(size, steps, schedules.warmed_up(schedule, float(own.get("warmup", 0.0))))  # type: ignore[arg-type]

    def defaults(self) -> Settings:
        """The value of every setting where it is not searched."""
        run = {"batch_size": self.batch_size, "schedule": self.schedule, "warmup": 0.0}
        return {**run, **values_of(self.make_rule({}))}


@dataclass(frozen=True)
class Plan:
    """A whole comparison, as data.

    Attributes:
        workloads: the workloads to train, each with its target.
        contestants: one for each optimizer (and batch size) on each workload.
        seeds: number of fresh seeds (1, 2, ...) that the winners are reported on.
        trials: number of trials in each search of a contestant that has something to search.
        search_seeds: number of seeds of a search (1000, 1001, ...; the next search has the next ones).
        schedule: of all contestants whose method has none of its own.
        ranges: the ranges given by the user, kept for optimizers that are added later.
        first_search_seed: 1000; 0 in studies of the first version of steepest.
        searches: number of independent searches of each contestant. Trial 0 is the first of search 0, trial 1 the first
            of search 1, and so on in turns.
        finalists: number of trials of a search that run on all its seeds, the best on its first one; None in studies of
            older versions: all.
        points_seed: of the scrambles that the trials' settings are drawn with.
        search: "sobol" for quasi-random points, "grid" for every combination of values, "list" for settings listed by
            hand, or the name of a sampler (`SAMPLERS`) that draws each trial after the results of the earlier ones.
        lists: of a "list", the settings by the optimizer's name, kept for optimizers that are added later.
        default_trial: whether the first trial of each search has the rule's defaults in the place of its point; not in
            studies of older versions.
        devices: where the study began to train, all of one kind, as torch names them; each run says where it was done.
        rungs: where hopeless trials stop early; empty: nowhere.
        looks: numbers of seeds at which is looked whether the first is told apart; empty: once, at `seeds`.
        budget: that the plan was made for, such as "30m" or "200 runs"; empty: for none.
        equal: what every optimizer gets the same of, "trials" or "seconds" of search.
        quick: whether it is a first look, at the quick size of each workload.
    """

    workloads: tuple[Goal, ...]
    contestants: tuple[Contestant, ...]
    seeds: int
    trials: int = 1
    search_seeds: int = 1
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    first_search_seed: int = SEARCH_SEEDS
    searches: int = 1
    finalists: int | None = None
    points_seed: int = 0
    search: str = "sobol"
    lists: Mapping[str, tuple[Settings, ...]] = field(default_factory=dict)
    default_trial: bool = False
    devices: tuple[str, ...] = DEFAULT
    rungs: tuple[Rung, ...] = ()
    looks: tuple[int, ...] = ()
    budget: str = ""
    equal: str = "trials"
    quick: bool = False

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote.

        Raises:
            InvalidValue: the text is no plan.
        """
        plan: Plan = decode(cls, parse_json(text, "plan"), "plan")
        return plan

    @property
    def runs(self) -> int:
        """Number of runs, trials and reports together."""
        return sum(self.search_runs(contestant) + self.seeds for contestant in self.contestants)

    @property
    def is_adaptive(self) -> bool:
        """Whether a sampler draws trials after the results of earlier ones."""
        return self.search in SAMPLERS

    def planned_trials(self, contestant: Contestant) -> int:
        """Number of trials of a contestant, of all searches together, those not drawn yet included."""
        drawn = len(contestant.trials)
        return max(drawn, self.trials * self.searches) if self.is_adaptive and contestant.ranges else drawn

    def as_begun(self) -> "Plan":
        """The plan without the trials that a sampler has drawn since it began."""
        if not self.is_adaptive:
            return self
        first = [replace(one, trials=one.trials[: self.searches]) for one in self.contestants]
        return replace(self, contestants=tuple(first))

    def search_runs(self, contestant: Contestant) -> int:
        """Number of runs in the searches of a contestant."""
        trials = self.planned_trials(contestant)
        if self.finalists is None:
            return trials * self.search_seeds
        searches = min(self.searches, trials)
        return trials + searches * self.finalists_of(contestant) * (self.search_seeds - 1)

    def finalists_of(self, contestant: Contestant) -> int:
        """Number of finalists in each search of a contestant; none where there is nothing to choose from."""
        trials = self.planned_trials(contestant) // min(self.searches, len(contestant.trials))
        return min(self.finalists or trials, trials) if trials > 1 else 0

    def pauses_of(self, contestant: Contestant) -> dict[int, int]:
        """The steps at which a contestant's trials pause, with the number of each search's that go on."""
        if not (least := self.finalists_of(contestant)):
            return {}
        trials = len(contestant.trials) // self.searches
        stops = pauses(self.rungs, contestant.steps)
        return {step: count for step, keep in stops.items() if (count := kept(keep, trials, least)) < trials}

    def search_of(self, trial: int) -> int:
        """The search that a trial belongs to."""
        return trial % self.searches

    def is_default(self, contestant: Contestant, trial: int) -> bool:
        """Whether a trial has the rule's defaults."""
        return self.default_trial and bool(contestant.ranges) and trial < self.searches

    def seeds_of(self, trial: int) -> range:
        """The seeds of a trial's search; every trial of the search runs on the first."""
        first = self.first_search_seed + self.search_of(trial) * self.search_seeds
        return range(first, first + self.search_seeds)

    @property
    def search_numbers(self) -> range:
        """The seeds that trials run on."""
        return range(self.first_search_seed, self.first_search_seed + self.searches * self.search_seeds)

    def reported_search(self, seed: int) -> int:
        """The search whose winner runs on a report seed: the searches take turns."""
        return (seed - 1) % self.searches

    @property
    def report_numbers(self) -> range:
        """The seeds that winners run on."""
        return range(1, self.seeds + 1)

    @property
    def short_names(self) -> dict[str, str]:
        """A short name of each workload, unique, for headings and file names: no folders, no parentheses."""
        short_names: dict[str, str] = {}
        for goal in self.workloads:
            name = Path(goal.name).stem if goal.name.endswith(".py") else goal.name
            first = name = re.sub(r"[^\w.=+-]+", "-", name).strip("-.") or "workload"
            number = 1
            while name in short_names.values():
                number += 1
                name = f"{first}-{number}"
            short_names[goal.name] = name
        return short_names

    def on(self, workload: str) -> "Plan":
        """The part of the plan that is about one workload."""
        goals = tuple(goal for goal in self.workloads if goal.name == workload)
        contestants = tuple(contestant for contestant in self.contestants if contestant.workload == workload)
        return replace(self, workloads=goals, contestants=contestants)

    def indices_on(self, workload: str) -> list[int]:
        """The indices of a workload's contestants."""
        return [index for index, contestant in enumerate(self.contestants) if contestant.workload == workload]


def check_count(name: str, count: int, most: int | None = None) -> None:
    """Raise `InvalidValue` unless a number is a whole one from 1 (to `most`); `name` is that of the option."""
    check_whole(name, count)
    if most is not None and count > most:
        raise InvalidValue(f"{name}: must be at most {most}, got {count}")
