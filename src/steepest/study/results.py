"""The results of a study, read from its file, for figures, reports and notebooks. Needs no torch."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..base.display import Displayed
from ..base.errors import InvalidValue, did_you_mean
from ..base.spec import parse
from ..rules import RULES, External, Rule, resolve
from ..statistics import (
    LEVEL_LATER,
    Measure,
    Profiles,
    SetAside,
    Verdict,
    best_trials,
    edges,
    equal_fingerprints,
    paired_ratios,
    performance_profiles,
    step_time_interval,
    summarize,
    time_to_target,
    verdict,
)  # fmt: skip
from ..statistics.ranges import Span
from .looks import level_of
from .opening import holds_nothing, is_folder, named
from .packing import is_packed, unpacked
from .plan import Contestant, Plan
from .ranges import Range, dimension_of
from .reading import read_plan
from .space import same
from .store import Store
from .tables import PARTS, PICTURE_COLUMNS

__all__ = ["STUDY_FILE", "Comparison", "name_of", "rule_facts", "study_file"]

STUDY_FILE = "study.sqlite"
"""The name of a study's file in its folder."""

TIMINGS = ["workload", "label", "round", "seconds_a_step", "clock", *PARTS]

NO_CURVES = pd.DataFrame(columns=["run", "step", "train_loss", "loss", "metric", "seconds"])


def rule_facts(plan: Plan) -> dict[str, dict[str, Any]]:
    """By spec of the rule, the facts that figures and pages need.

    `look`, `partner`, `partner_scaled`, `limits`; `evaluations` of the gradient a step, None where a class makes as
    many as it likes; of a class that is not steepest's, `external` and whether it needs a `closure` or has `modes` of
    training and evaluation; `by_default`, the range of learning rates that was made for it; `tuples`, the defaults of
    settings of several numbers.
    """
    return {spec: _facts_of(resolve(spec).rule_class) for spec in {contestant.rule for contestant in plan.contestants}}


def _facts_of(rule: type[Rule]) -> dict[str, Any]:
    return {
        "look": rule.look,
        "partner": resolve(rule.partner).rule_class.title if rule.least_axes > 1 else None,
        "partner_scaled": rule.partner_lr is not Rule.partner_lr,
        "limits": {name: field.metadata["facts"].limits for name, field in rule.hyperparameters().items()},
        "modes": rule.evaluation is not Rule.evaluation,
        "evaluations": rule.evaluations,
        "tuples": {
            name: default
            for name, default in rule.defaults().items()
            if isinstance(default, tuple) and _finite(default)
        },
        **(_facts_of_external(rule) if issubclass(rule, External) else {}),
    }


def _finite(values: tuple[Any, ...]) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _facts_of_external(rule: type[External]) -> dict[str, Any]:
    modes = all(callable(getattr(rule.optimizer_class, name, None)) for name in ("train", "eval"))
    return {"external": True, "closure": rule.evaluations is None, "modes": modes, "by_default": rule.by_default}


def name_of(spec: str) -> str:
    """The name of the rule in a spec, in small letters; of a text that is no spec, the text."""
    try:
        return parse(spec).path
    except InvalidValue:
        return spec.lower()


def _named(timings: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The rounds of timings, with workloads and labels in place of the contestants' indices."""
    contestants = [plan.contestants[index] for index in timings["contestant"]]
    named = timings.assign(
        workload=[contestant.workload for contestant in contestants],
        label=[contestant.label for contestant in contestants],
    )
    return named.reindex(columns=TIMINGS)


def study_file(folder: str | Path) -> Path:
    """The file of the study in a folder; the path of such a file is returned as it is.

    Raises:
        InvalidValue: there is no study.
    """
    path = Path(folder).expanduser()
    file = path if path.suffix == ".sqlite" and not is_folder(path) else path / STUDY_FILE
    if holds_nothing(file):
        raise InvalidValue(f"{folder}: holds no {STUDY_FILE}; {_other_studies(file.parent)}")
    return file


def _other_studies(folder: Path) -> str:
    """The remedy where a folder holds no study: the studies beside it."""
    studies = [file.parent.name for file in folder.parent.glob(f"*/{STUDY_FILE}")]
    return did_you_mean(folder.name, studies) if studies else "name the folder that steepest compare has made"


class Printed(pd.DataFrame):
    """A table that prints all of its columns, however wide; tables made of it are plain ones."""

    def __str__(self) -> str:
        return str(self.to_string())


@dataclass(frozen=True, eq=False)
class Comparison(Displayed):
    """The results of a comparison.

    Rankings (`table`, `verdict`, ...) exist for one workload. A study of several is split by `by_workload`, and judged
    over all of them by `profiles`.

    Attributes:
        plan: the plan of the study.
        runs: every finished run that can be compared, one a row; see `steepest.study.tables`.
        curves: every measurement of every run (`run`, `step`, `train_loss`, `loss`, `metric`, `seconds`).
        facts: texts stored with the study: when, where and with which versions it was made, and more.
        set_aside: the runs that cannot be compared, since they solved another problem than others of their seed; `str`
            of each gives a sentence.
        versions: by library of which the runs had several, its versions.
        timings: the seconds of a training step (`seconds_a_step`) of each contestant (`workload`, `label`) in each
            `round`, and the `clock` ("thread" or "wall"); the rounds measure all contestants in turns. In some rounds,
            measured in a pass of their own, its parts: getting `data`, `model` (forward and backward), `optimizer`.
        pictures: what the models of the best contestants show in the course of a run, one a row: `workload`, `label`,
            `trial`, `seed`, `step`, the `metric` there, `kind` ("image/png", ..., "text", or "error") and `content`.
        running: whether a process was running the study when it was read.
    """

    plan: Plan
    runs: pd.DataFrame
    curves: pd.DataFrame
    facts: dict[str, str]
    set_aside: tuple[SetAside, ...] = ()
    versions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timings: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TIMINGS))
    pictures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PICTURE_COLUMNS))
    running: bool = False

    def __repr__(self) -> str:
        labels = ", ".join(dict.fromkeys(contestant.label for contestant in self.plan.contestants))
        return f"<comparison of {labels} on {', '.join(self.plan.short_names.values())}: {len(self.runs):,} runs>"

    @classmethod
    def read(cls, folder: str | Path) -> "Comparison":
        """Read a study from its folder, or from a packed file.

        Raises:
            InvalidValue: there is no study in the folder.
            SteepestError: the file is not a study, or one of a newer steepest.
        """
        if is_packed(folder):
            with unpacked(folder) as file:
                return cls.read(file)
        file = study_file(folder)
        with named(file), closing(Store.read(file)) as store:
            return cls.of(store)

    @classmethod
    def of(cls, store: Store, curves: bool = True) -> "Comparison":
        """Read an open study; without `curves` and pictures this is fast for any number of runs."""
        runs, aside = equal_fingerprints(store.runs())
        curve_table = store.curves() if curves else NO_CURVES
        timings = _named(store.timings(), store.plan)
        shown = {"pictures": store.pictures()} if curves else {}
        return cls(
            store.plan, runs, curve_table, store.facts(), tuple(aside), store.versions(), timings,
            running=store.is_being_run(), **shown,
        )  # fmt: skip

    # --- several workloads --------------------------------------------------------------------------------------------

    def by_workload(self) -> "dict[str, Comparison]":
        """The comparison on each workload, by its name."""
        return self._by_workload

    @cached_property
    def _by_workload(self) -> "dict[str, Comparison]":
        if len(self.plan.workloads) == 1:
            return {self.plan.workloads[0].name: self}
        return {goal.name: self._on(goal.name) for goal in self.plan.workloads}

    def _on(self, workload: str) -> "Comparison":
        runs = self.runs[self.runs["workload"] == workload]
        curves = self.curves[self.curves["run"].isin(runs["id"])]
        aside = tuple(group for group in self.set_aside if group.workload == workload)
        timings = self.timings[self.timings["workload"] == workload]
        shown = self.pictures[self.pictures["workload"] == workload]
        return replace(
            self,
            plan=self.plan.on(workload),
            runs=runs,
            curves=curves,
            set_aside=aside,
            timings=timings,
            pictures=shown,
        )

    @cached_property
    def profiles(self) -> Profiles | None:
        """Performance profiles in seconds to the target; None for one workload, or while runs are missing."""
        if len(self.plan.workloads) == 1 or not self.complete:
            return None
        times = time_to_target(self.runs)
        # NaN: all runs of some contestant are set aside
        return None if times.isna().any(axis=None) else performance_profiles(times)

    def _the_workload(self) -> str:
        """The name of the only workload; every property that is about one workload calls this."""
        names = [goal.name for goal in self.plan.workloads]
        if len(names) > 1:
            raise InvalidValue(f"this comparison is on {', '.join(names)}: choose one of .by_workload()")
        return names[0]

    # --- one workload -------------------------------------------------------------------------------------------------

    @property
    def workload(self) -> dict[str, object]:
        """Facts of the workload: `name`, `about`, `about_zh`, `metric_name`, `higher_is_better`."""
        facts: dict[str, object] = json.loads(self.facts["workloads"])[self._the_workload()]
        return facts

    @property
    def target(self) -> float:
        """The value of the metric to reach."""
        self._the_workload()
        return self.plan.workloads[0].target

    @property
    def sizes_differ(self) -> bool:
        """Whether batches are of different sizes, so that steps cannot be compared."""
        self._the_workload()
        sizes = {
            contestant.conditions(trial).batch_size
            for contestant in self.plan.contestants
            for trial in (contestant.trials if "batch_size" in contestant.run_settings else contestant.trials[:1])
        }
        return len(sizes) > 1

    @cached_property
    def counted_in_updates(self) -> tuple[str, ...]:
        """The contestants of which an older steepest counted updates, however many gradients these took."""
        self._the_workload()
        facts = {one.label: self.facts_of_rule(one.rule) for one in self.plan.contestants}
        return tuple(label for label, own in facts.items() if own.get("closure") and own.get("evaluations", 1) == 1)

    @cached_property
    def several_evaluations(self) -> dict[str, int | None]:
        """Evaluations of the gradient a step of those that make several, by label; None: as many as it likes."""
        self._the_workload()
        found = {one.label: self.facts_of_rule(one.rule).get("evaluations", 1) for one in self.plan.contestants}
        return {label: evaluations for label, evaluations in found.items() if evaluations != 1}

    @property
    def measure(self) -> Measure:
        """The column that decides the ranking: steps to the target, or seconds where steps are not alike."""
        return "seconds_to_target" if self.sizes_differ or self.counted_in_updates else "steps_to_target"

    @property
    def metric_is_loss(self) -> bool:
        """Whether the metric is the held-out loss itself, so that one of the two suffices in figures and tables."""
        ends = self.runs[["final_metric", "final_loss"]].dropna()
        return bool((ends["final_metric"] == ends["final_loss"]).mean() > 0.99)

    def batch_size(self, label: str) -> int:
        """Examples a step of one contestant."""
        return next(contestant.batch_size for contestant in self.plan.contestants if contestant.label == label)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a contestant, the first to the target on top; see `steepest.statistics.summarize`."""
        self._the_workload()
        return Printed(summarize(self.runs, self.measure, self._spans))

    @cached_property
    def verdict(self) -> Verdict:
        """The first to the target, or those that tie; see `steepest.statistics.verdict`."""
        self._the_workload()
        return verdict(self.runs, self.measure, level=self._level, rounds=self.rounds)

    @cached_property
    def undecided_by_searches(self) -> bool:
        """Whether no number of seeds is likely to tell those that tie, but would if all searches had found the same."""
        if "search" not in self.runs or not self.verdict.inseparable:
            return False
        alike = self.runs.drop(columns="search")
        of_seeds = verdict(alike, self.measure, level=self._level, rounds=self.rounds)
        return len(of_seeds.first) < len(self.verdict.first) or len(of_seeds.inseparable) < len(
            self.verdict.inseparable
        )

    @cached_property
    def ratios(self) -> pd.DataFrame:
        """Every contestant against the first to the target; see `steepest.statistics.paired_ratios`."""
        self._the_workload()
        return paired_ratios(self.runs, self.measure, level=self._level, rounds=self.rounds)

    @property
    def _level(self) -> float | None:
        """The level of the verdict: stricter ones at each of several looks, and once seeds were added after one."""
        if (level := level_of(self.plan, len(self.plan.contestants))) is not None:
            return level
        before = read_plan(self.facts["first_plan"]).seeds if "first_plan" in self.facts else self.plan.seeds
        return LEVEL_LATER if self.plan.seeds > before else None

    @property
    def rounds(self) -> pd.DataFrame | None:
        """Seconds of a training step: rows are rounds, columns labels; None where they were not measured."""
        self._the_workload()
        if self.timings.empty:
            return None
        return self.timings.pivot(index="round", columns="label", values="seconds_a_step")

    @property
    def parts(self) -> pd.DataFrame:
        """Seconds of a step for getting `data`, the `model` and the `optimizer` (columns), by label; medians of rounds.

        `data` is NaN where the workload does not tell it from the model. Empty where nothing was measured.
        """
        self._the_workload()
        measured = self.timings.dropna(subset="optimizer")
        return measured.groupby("label", sort=False)[list(PARTS)].median().astype(float)

    @cached_property
    def chosen(self) -> dict[str, dict[str, Any]]:
        """By label, the settings of the best trial: every hyperparameter that was searched."""
        best = best_trials(self.runs)["settings"]
        return {str(label): json.loads(settings) for label, settings in best.items()}

    @cached_property
    def winners(self) -> dict[str, list[dict[str, Any]]]:
        """By label, the settings of the winner of each search, once they have been reported."""
        reports = self.runs[self.runs["phase"] == "report"].sort_values("search", kind="stable")
        return {
            str(label): [json.loads(settings) for settings in own["settings"].unique()]
            for label, own in reports.groupby("label", sort=False)
        }

    @property
    def uncertainty_of_time(self) -> float:
        """The widest relative half of an interval of a step time against the first contestant's; 0 where unmeasured."""
        first, rounds = str(self.table.index[0]), self.rounds
        if rounds is None or first not in rounds:
            return 0.0
        halves = []
        for label in rounds.columns.drop(first):
            low, high = step_time_interval(np.log(rounds[label] / rounds[first]))
            halves.append(math.expm1((high - low) / 2))
        return max(halves, default=0.0)

    @cached_property
    def edges(self) -> pd.DataFrame:
        """Best trials near the end of a range, with the range to try next; see `steepest.statistics.edges`."""
        self._the_workload()
        limits = {contestant.label: self._limits_of(contestant) for contestant in self.plan.contestants}
        found = edges(self.runs, self._spans, limits)
        of_label = {contestant.label: contestant for contestant in self.plan.contestants}
        pairs = zip(found["label"].map(str), found["name"].map(str), strict=True)
        lies = [self._in_its_interval(of_label[label], name) for label, name in pairs]
        return found[np.array(lies, dtype=bool)].reset_index(drop=True)

    def _in_its_interval(self, contestant: Contestant, name: str) -> bool:
        """Whether a setting of the best trial is of its interval or the default, no exact value, and was searched."""
        stored = contestant.ranges.get(name)
        if not isinstance(stored, str):
            return True
        dimension, settings = dimension_of(stored), self.chosen[contestant.label]
        condition = dimension.condition
        if condition is not None and not condition.holds(settings.get(condition.name)):
            return False
        return not any(same(settings[name], value) for value in dimension.values)

    def _limits_of(self, contestant: Contestant) -> dict[str, Range]:
        """The intervals that the searched settings must stay in, by name; none for the learning rate alone."""
        if set(contestant.ranges) <= {"lr"}:  # must only be above 0
            return {}
        limits = {
            "batch_size": [1, math.inf],
            "warmup": [0, 1],
            **self.facts_of_rule(contestant.rule).get("limits", {}),
        }
        found = {name: limits.get(name.partition(".")[0]) for name in contestant.ranges}
        return {name: (ends[0], ends[1]) for name, ends in found.items() if ends}

    def facts_of_rule(self, spec: str) -> dict[str, Any]:
        """The facts of a contestant's rule; see `rule_facts`. An older study has those of built-in rules only.

        No file and no plugin is loaded for that: whoever reads a study runs nothing that it names.
        """
        known = None if ":" in spec else RULES.built_in.get(name_of(spec))
        facts = {"look": None, "partner": None, "partner_scaled": False} if known is None else _facts_of(known)
        stored: dict[str, dict[str, Any]] = json.loads(self.facts.get("rules", "{}"))
        return facts | stored.get(spec, {})

    @property
    def _spans(self) -> dict[str, dict[str, Span | None]]:
        """By label and name, the interval that was searched; None where only exact values were."""
        spans: dict[str, dict[str, Span | None]] = {}
        for one in self.plan.contestants:
            of_list = dict.fromkeys(one.trials[0]) if self.plan.search == "list" else {}
            searched = {name: next(iter(dimension_of(stored).spans), None) for name, stored in one.ranges.items()}
            spans[one.label] = of_list | searched
        return spans

    @property
    def complete(self) -> bool:
        """Whether every planned run is done."""
        return len(self.runs) + sum(group.runs for group in self.set_aside) == self.plan.runs

    @property
    def gradient_noise(self) -> dict[int, float]:
        """By batch size, the noise of a batch's gradient relative to the whole gradient, where it was measured."""
        noise = json.loads(self.facts.get("gradient_noise", "{}")).get(self._the_workload(), {})
        return {int(size): value for size, value in noise.items()}

    @property
    def device_kinds(self) -> list[str]:
        """The kinds of device that the runs were done on, without numbers: "cpu", or "cuda NVIDIA H200"."""
        if "device" not in self.runs:
            return ["cpu"]
        return sorted({re.sub(r":\d+", "", str(device)) for device in self.runs["device"].dropna()})

    def curves_of(self, label: str, phase: str = "report") -> pd.DataFrame:
        """The curves of one contestant's runs of a phase, "report" or "search"."""
        chosen = self.runs[(self.runs["label"] == label) & (self.runs["phase"] == phase)]
        return self.curves[self.curves["run"].isin(chosen["id"])]
