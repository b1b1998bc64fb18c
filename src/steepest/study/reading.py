"""Checks of what a study's file says, since somebody else may have written it: types, lengths, and what refers to what.

Nothing that a study names is run or imported to read it.
"""

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

from ..base.decode import decode, parse_json
from ..base.errors import InvalidValue
from ..base.text import visible
from ..findings.catalogue import DIAGNOSES, Finding
from ..rules.base import is_look
from .devices import is_name
from .plan import MOST_POINTS_SEED, SAMPLERS, Contestant, Plan
from .ranges import RUN_SETTINGS, Range, Settings, dimension_of

__all__ = ["checked_facts", "read_plan", "sound_finding", "sound_findings"]

MOST_TRIALS = 1_000_000
"""Trials and contestants of a study, and seeds, at most."""


MOST_RUNGS = 100


@dataclass(frozen=True)
class _Workload:
    about: str
    about_zh: str
    metric_name: str
    higher_is_better: bool


REPEATS: Any = Mapping[str, Mapping[str, str]]
"""Type of the fact `repeats`: by workload and label, what differed the second time."""

SIZES: Any = Mapping[str, Mapping[str, int]]
"""Type of the fact `population_sizes`: by workload and label, how many runs train as one."""

KINDS: dict[str, Any] = {
    "population_sizes": SIZES,
    "versions": Mapping[str, str],
    "code": Mapping[str, str],
    "repeats": REPEATS,
    "shows": Mapping[str, bool],
    "gradient_noise": Mapping[str, Mapping[str, float]],
}
"""Types of the facts that are JSON."""

NEEDED = ("workloads", "versions", "created", "python", "machine", "command")


def read_plan(text: str) -> Plan:
    """The plan in the text, whose parts go together.

    Raises:
        InvalidValue: they do not, or it is none; the message says which.
    """
    plan = Plan.from_json(text)
    _check_plan(plan)
    return plan


def _check_plan(plan: Plan) -> None:
    names = [goal.name for goal in plan.workloads]
    if len(set(names)) < len(names) or set(names) != {contestant.workload for contestant in plan.contestants}:
        raise InvalidValue("plan: its workloads are not those of its contestants")
    pairs = {(contestant.workload, contestant.label) for contestant in plan.contestants}
    if len(pairs) < len(plan.contestants):
        raise InvalidValue("plan: two contestants have the same name")
    counts = {
        "seeds": plan.seeds, "trials": plan.trials, "searches": plan.searches, "search_seeds": plan.search_seeds,
        "finalists": 1 if plan.finalists is None else plan.finalists,
    }  # fmt: skip
    for contestant in plan.contestants:
        counts |= {"steps": contestant.steps, "trials of a contestant": len(contestant.trials)}
        if not all(1 <= count < 2**53 for count in counts.values()) or contestant.batch_size < 0:
            raise InvalidValue(f"plan: {contestant.label!r} has a number that makes no sense")
        searched = contestant.trials[0].keys()
        may_lack = ":" in contestant.rule  # a class that is not steepest's need not have a learning rate
        if not ("lr" in searched or may_lack) or any(trial.keys() != searched for trial in contestant.trials):
            raise InvalidValue(f"plan: trials of {contestant.label!r} lack a setting")
        if not contestant.ranges.keys() <= searched or not all(map(_is_range, contestant.ranges.values())):
            raise InvalidValue(f"plan: ranges of {contestant.label!r} make no sense")
        if not all(map(partial(_fits, contestant), contestant.trials)):
            raise InvalidValue(f"plan: trials of {contestant.label!r} have a setting that makes no sense")
    if plan.search not in ("sobol", "grid", "list", *SAMPLERS):
        raise InvalidValue(f"plan: its search is {plan.search!r}, which this steepest does not know")
    if not plan.devices or not all(map(is_name, plan.devices)):
        raise InvalidValue("plan: has a device that makes no sense")
    shares = [share for rung in plan.rungs for share in (rung.share, rung.keep)]
    if not all(0 < share < 1 for share in shares) or len(plan.rungs) > MOST_RUNGS:
        raise InvalidValue("plan: has rungs that make no sense")
    if any(low >= high for low, high in pairwise((0, *plan.looks))) or len(plan.looks) > MOST_RUNGS:
        raise InvalidValue("plan: has looks that make no sense")
    if plan.equal not in ("trials", "seconds"):
        raise InvalidValue("plan: gives every optimizer the same of something unknown")
    if not 0 <= plan.points_seed <= MOST_POINTS_SEED:
        raise InvalidValue("plan: has a points_seed that makes no sense")
    if max(plan.seeds, plan.search_seeds, plan.runs) > MOST_TRIALS * 1000 or plan.first_search_seed < 0:
        raise InvalidValue("plan: has more runs than can be")


def _is_range(stored: Range | str) -> bool:
    try:
        return bool(dimension_of(stored).parts) and (isinstance(stored, str) or stored[0] < stored[1])
    except InvalidValue:
        return False


def _fits(contestant: Contestant, settings: Settings) -> bool:
    """Whether a trial has a learning rate, and settings of its run that could be."""
    if not set(contestant.run_settings) <= settings.keys() & set(RUN_SETTINGS):
        return False
    own = {name: settings[name] for name in ("lr", *contestant.run_settings) if name in settings}
    kinds: dict[str, type] = {"batch_size": int, "schedule": str}
    if any(
        not isinstance(value, kinds.get(name, float | int)) or isinstance(value, bool) for name, value in own.items()
    ):
        return False
    return 1 <= own.get("batch_size", 1) < 2**53 and 0 <= own.get("warmup", 0) < 1  # type: ignore[operator]


def checked_facts(facts: Mapping[str, Any], plan: Plan) -> dict[str, str]:
    """The texts stored with a study, those that are JSON in the form that the rest of steepest relies on.

    Raises:
        InvalidValue: one is missing, or of another form.
    """
    found = {str(key): visible(decode_text(value, key)) for key, value in facts.items()}
    for key in NEEDED:
        if key not in found:
            raise InvalidValue(f"has no {key}")
    for key, kind in KINDS.items():
        if key in found:
            found[key] = json.dumps(decode(kind, parse_json(found[key], key), key))
    about = decode(Mapping[str, Any], parse_json(found["workloads"], "workloads"), "workloads")
    found["workloads"] = json.dumps({goal.name: _workload(about.get(goal.name), goal.name) for goal in plan.workloads})
    rules = decode(Mapping[str, Any], parse_json(found.get("rules", "{}"), "rules"), "rules")
    found["rules"] = json.dumps({spec: _rule(each) for spec, each in rules.items() if isinstance(each, dict)})
    if "gradient_noise" in found and not all(
        size.isdecimal() and len(size) < 20 for sizes in json.loads(found["gradient_noise"]).values() for size in sizes
    ):
        raise InvalidValue("gradient_noise: its keys are no batch sizes")
    try:
        datetime.fromisoformat(found["created"]).timestamp()
        # quoted anew: a command is there to be copied into a shell
        words = shlex.split(found["command"])
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidValue(f"created, or command: {error}") from None
    found["command"] = shlex.join(words) if words[:1] == ["steepest"] else ""
    return found


def decode_text(value: Any, where: object) -> str:
    """A text of any length; raises `InvalidValue` of anything else."""
    if not isinstance(value, str):
        raise InvalidValue(f"{where}: is no text")
    return value


def _workload(about: Any, name: str) -> dict[str, Any]:
    if not isinstance(about, dict):
        raise InvalidValue(f"workloads: says nothing about {name!r}")
    known = {key: value for key, value in about.items() if key in _Workload.__annotations__}
    checked: _Workload = decode(_Workload, known, f"workloads.{name}")
    return {"name": name, **vars(checked)}


def _rule(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a rule, with nothing in the place of what makes no sense."""
    look, partner, limits = (facts.get(key) for key in ("look", "partner", "limits"))
    look = tuple(look) if isinstance(look, list) else None
    made: dict[str, Any] = {
        "look": look if is_look(look) else None,
        "partner": visible(partner[:100]) if isinstance(partner, str) else None,
        "partner_scaled": facts.get("partner_scaled") is True,
    }
    made |= {name: True for name in ("external", "closure", "modes") if facts.get(name) is True}
    if "evaluations" in facts and facts["evaluations"] in (2, 3, 4, None):
        made["evaluations"] = facts["evaluations"]
    if _are_limits(by_default := facts.get("by_default")):
        made["by_default"] = by_default
    if isinstance(tuples := facts.get("tuples"), dict):
        made["tuples"] = {visible(str(name)): values for name, values in tuples.items() if _are_numbers(values)}
    if isinstance(limits, dict):
        made["limits"] = {visible(str(name)): ends for name, ends in limits.items() if _are_limits(ends)}
    return made


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) in (int, float) and math.isfinite(value) for value in values)


def _are_limits(ends: Any) -> bool:
    if not (isinstance(ends, list) and len(ends) == 2 and all(type(end) in (int, float) for end in ends)):
        return False
    return not any(map(math.isnan, ends)) and ends[0] < ends[1]


def sound_finding(text: str) -> str | None:
    """The JSON of a finding, or None of what is none or cannot be put into words (one of a newer steepest, too)."""
    try:
        finding = Finding.from_json(text)
        words = [finding.text("en"), finding.text("zh"), str(finding.status)]
    except Exception:  # whatever stands there instead of numbers
        return None
    return text if all(isinstance(word, str) for word in words) else None


def sound_findings(text: str) -> str | None:
    """The JSON of a list of findings of a training without those that are none; None of what is no list."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, list):
        return None
    sound = (sound_finding(json.dumps(each)) for each in listed)
    return f"[{', '.join(each for each in sound if each is not None and _is_of_training(each))}]"


def _is_of_training(finding: str) -> bool:
    return json.loads(finding)["code"] in DIAGNOSES["findings"]
