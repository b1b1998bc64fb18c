"""A study read back: what figures, reports and people look at. Needs no torch."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from ..errors import InvalidValue
from ..statistics import Measure, Verdict, summarize, verdict
from .plan import Plan
from .store import Store

__all__ = ["STUDY_FILE", "Comparison"]

STUDY_FILE = "study.sqlite"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The results of a comparison.

    Attributes:
        plan: what was to be done.
        runs: every finished run, one a row (`label`, `phase`, `trial`, `seed`, `lr`, `status`, `steps_to_target`, ...).
        curves: every measurement of every run (`run`, `step`, `train_loss`, `loss`, `metric`, `seconds`).
        facts: when, where and with which versions it was made.
    """

    plan: Plan
    runs: pd.DataFrame
    curves: pd.DataFrame
    facts: dict[str, str]

    @classmethod
    def read(cls, folder: str | Path) -> "Comparison":
        """Read a study from its folder.

        Raises:
            InvalidValue: there is no study in the folder.
        """
        file = Path(folder) / STUDY_FILE
        if not file.is_file():
            raise InvalidValue(f"{folder}: holds no {STUDY_FILE}")
        store = Store.open(file)
        try:
            return cls(store.plan, store.runs(), store.curves(), store.facts())
        finally:
            store.close()

    @property
    def sizes_differ(self) -> bool:
        """Whether the contestants take batches of different sizes, so that their steps are not alike."""
        return len({contestant.batch_size for contestant in self.plan.contestants}) > 1

    @property
    def measure(self) -> Measure:
        """What decides who is first."""
        return "seconds_to_target" if self.sizes_differ else "steps_to_target"

    def batch_size(self, label: str) -> int:
        """Examples a step of one contestant."""
        return next(each.batch_size for each in self.plan.contestants if each.label == label)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a contestant, the first to the target on top; see `steepest.statistics.summarize`."""
        return summarize(self.runs, self.measure)

    @cached_property
    def verdict(self) -> Verdict:
        """Who got there first; see `steepest.statistics.verdict`."""
        return verdict(self.runs, self.measure)

    @property
    def complete(self) -> bool:
        """Whether every planned run is done."""
        return len(self.runs) == self.plan.runs

    @property
    def workload(self) -> dict[str, object]:
        """Facts of the workload: `name`, `about`, `metric_name`, `higher_is_better`."""
        facts: dict[str, object] = json.loads(self.facts["workload"])
        return facts

    @property
    def gradient_noise(self) -> dict[int, float]:
        """By batch size, the noise of a batch's gradient relative to the whole gradient, where it was measured."""
        return {int(size): noise for size, noise in json.loads(self.facts.get("gradient_noise", "{}")).items()}

    def curves_of(self, label: str, phase: str = "report") -> pd.DataFrame:
        """The curves of one contestant's runs."""
        chosen = self.runs[(self.runs["label"] == label) & (self.runs["phase"] == phase)]
        return self.curves[self.curves["run"].isin(chosen["id"])]
