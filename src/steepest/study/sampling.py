"""Optuna's samplers in the place of quasi-random points: each trial is drawn after the results of the earlier ones.

A sampler's state is not stored: it is made again by asking for the earlier trials anew and telling their results, which
gives the same state where Optuna is of the same version. It sees every setting as a position in its dimension, so a
space means the same as for quasi-random points.
"""

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from ..base.errors import InvalidValue
from ..statistics import BROKEN
from ..statistics.ranges import Span, position
from .contestants import SCRAMBLES
from .plan import Contestant, Plan
from .ranges import Settings, dimension_of
from .space import Dimension, Value, same, value_in
from .store import Extended, Store

__all__ = ["Search", "Searches", "check_optuna", "objective"]


def check_optuna(sampler: str) -> None:
    """Raise `InvalidValue` where Optuna, or what a sampler needs beside it, is not installed."""
    for module in ("optuna", *(["cmaes"] if sampler == "cmaes" else [])):
        if find_spec(module) is None:
            raise InvalidValue(f"sampler {sampler}: needs {module}; pip install 'steepest[optuna]'")


class Searches:
    """The searches of a study by a sampler, kept as long as a process works on it."""

    def __init__(self) -> None:
        self._searches: dict[tuple[int, int], Search] = {}

    def draw(self, store: Store, contestant: int) -> bool:
        """Draw the next trial of each search of a contestant, all of whose trials are done; whether there was one."""
        plan = store.plan
        about = plan.contestants[contestant]
        if len(about.trials) >= plan.planned_trials(about):
            return False
        runs = store.searched(contestant).sort_values("seed", kind="stable").drop_duplicates("trial")
        rows = dict(zip(runs["trial"], runs.to_dict("records"), strict=True))
        fixed = {name: value for name, value in about.trials[0].items() if name not in about.ranges}
        drawn = []
        for number in range(plan.searches):
            if (contestant, number) not in self._searches:
                self._searches[contestant, number] = _search_of(plan, about, number)
            search, trials = self._searches[contestant, number], range(number, len(about.trials), plan.searches)
            search.tell([about.trials[trial] for trial in trials], [objective(rows[trial]) for trial in trials])
            drawn.append({**fixed, **search.draw()})
        longer = replace(about, trials=(*about.trials, *drawn))
        others = plan.contestants
        with suppress(Extended):  # by another process, which has drawn the same
            after = replace(plan, contestants=(*others[:contestant], longer, *others[contestant + 1 :]))
            store.extend(plan, after, {})
        return True


def _search_of(plan: Plan, contestant: Contestant, number: int) -> "Search":
    """A search of a contestant, before its first trial is told."""
    check_optuna(plan.search)
    dimensions = {name: dimension_of(stored) for name, stored in contestant.ranges.items()}
    defaults = contestant.defaults()
    whole = frozenset(name for name in dimensions if type(defaults[name]) is int)
    return Search(plan.search, plan.points_seed * SCRAMBLES + number, dimensions, defaults, whole)


@dataclass
class Search:
    """One search by a sampler, which is told results in the order of the trials.

    Attributes:
        sampler: its name.
        seed: of its random numbers.
        dimensions: what is searched, by name.
        defaults: the value of every setting where it is not searched.
        whole: names of the settings that are whole numbers.
        told: number of trials that it has been told.
    """

    sampler: str
    seed: int
    dimensions: Mapping[str, Dimension]
    defaults: Settings
    whole: frozenset[str] = frozenset()
    told: int = 0
    _study: Any = field(default=None, repr=False)
    _asked: tuple[Any, Settings] | None = field(default=None, repr=False)

    def tell(self, trials: Sequence[Settings], values: Sequence[float]) -> None:
        """Tell the results of all trials so far, from the first on; those that are known are passed over."""
        for trial, value in list(zip(trials, values, strict=True))[self.told :]:
            asked = None
            if self.told:  # the first is the rule's default, for which no sampler is asked
                asked = self._ask()
            if asked is not None and self._is(asked[1], trial):
                self._in_peace(partial(self.study.tell, asked[0], value))
            else:  # a default, or drawn by another version of Optuna
                if asked is not None:
                    self._in_peace(partial(self.study.tell, asked[0], state=_failed()))
                self._add(trial, value)
            self._asked = None
            self.told += 1

    def draw(self) -> Settings:
        """The settings of the next trial."""
        return self._ask()[1]

    @property
    def study(self) -> Any:
        """The study of Optuna."""
        if self._study is None:
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
            samplers = optuna.samplers
            made: Any = {
                "tpe": partial(samplers.TPESampler, seed=self.seed),
                "cmaes": partial(samplers.CmaEsSampler, seed=self.seed, warn_independent_sampling=False),
                "gp": partial(samplers.GPSampler, seed=self.seed),
                "random": partial(samplers.RandomSampler, seed=self.seed),
            }[self.sampler]
            self._study = self._in_peace(lambda: optuna.create_study(sampler=made()))
        return self._study

    def _ask(self) -> tuple[Any, Settings]:
        if self._asked is None:
            self._asked = self._in_peace(self._drawn)
        return self._asked

    def _drawn(self) -> tuple[Any, Settings]:
        trial, values = self.study.ask(), dict[str, Value]()

        def value(name: str) -> Value:
            if name not in self.dimensions:
                return self.defaults[name]
            if name not in values:
                condition = self.dimensions[name].condition
                holds = condition is None or condition.holds(value(condition.name))
                values[name] = self._suggested(trial, name) if holds else self.defaults[name]
            return values[name]

        return trial, {name: value(name) for name in self.dimensions}

    def _suggested(self, trial: Any, name: str) -> Value:
        parts = self.dimensions[name].parts
        index = trial.suggest_categorical(f"{name}: part", list(range(len(parts)))) if len(parts) > 1 else 0
        part = parts[index]
        return value_in(part, trial.suggest_float(name, 0, 1), name in self.whole) if isinstance(part, Span) else part

    def _is(self, asked: Settings, trial: Settings) -> bool:
        return all(same(value, trial[name]) for name, value in asked.items())

    def _add(self, trial: Settings, value: float) -> None:
        """Add a trial that the sampler has not drawn; one outside of its dimensions it need not know."""
        import optuna

        params: dict[str, Any] = {}
        distributions: dict[str, Any] = {}
        for name, dimension in self.dimensions.items():
            condition = dimension.condition
            if condition is not None and not condition.holds({**self.defaults, **trial}[condition.name]):
                continue
            index = next((i for i, part in enumerate(dimension.parts) if _holds(part, trial[name])), None)
            if index is None:
                return
            if len(dimension.parts) > 1:
                params[f"{name}: part"] = index
                distributions[f"{name}: part"] = optuna.distributions.CategoricalDistribution(
                    list(range(len(dimension.parts)))
                )
            if isinstance(part := dimension.parts[index], Span):
                params[name] = min(1.0, max(0.0, position(float(trial[name]), part)))  # type: ignore[arg-type]
                distributions[name] = optuna.distributions.FloatDistribution(0, 1)
        made = optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        self._in_peace(partial(self.study.add_trial, made))

    def _in_peace(self, call: Any) -> Any:
        with warnings.catch_warnings():  # of what is experimental in Optuna
            warnings.simplefilter("ignore")
            return call()


def _holds(part: Any, value: Value) -> bool:
    if not isinstance(part, Span):
        return same(part, value)
    return isinstance(value, int | float) and not isinstance(value, bool) and part.low <= value <= part.high


def _failed() -> Any:
    import optuna

    return optuna.trial.TrialState.FAIL


def objective(run: Mapping[Hashable, Any]) -> float:
    """What a sampler minimizes: the logarithm of the examples (or steps) to the target; missed and broken runs after.

    Args:
        run: a row of the table of runs.
    """
    size = max(float(run["batch_size"]), 1.0)
    last = math.log(run["steps"] * size)
    if run["status"] in BROKEN:
        return last + 3
    if math.isfinite(run["steps_to_target"]):
        return math.log(run["steps_to_target"] * size)
    loss = float(run["final_loss"])
    return last + 2 if math.isnan(loss) else last + 1 + math.atan(loss) / math.pi
