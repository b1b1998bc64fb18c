"""What a comparison will do, fixed before the first run: contestants, trials, seeds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import rules
from ..errors import InvalidValue
from ..rules import Rule
from ..spec import parse
from ..workloads import Workload

__all__ = ["LECTURE_FIVE", "Contestant", "Plan", "make_plan", "search_points"]

LECTURE_FIVE = ("sgd", "momentum", "adagrad", "rmsprop", "adam")

SEARCH_SEED = 0
"""All trials run on this seed; the winners are reported on seeds 1, 2, ... which no trial has seen."""


@dataclass(frozen=True)
class Contestant:
    """One optimizer in a comparison.

    Attributes:
        label: its name in tables and figures, unique within the comparison.
        rule: the rule as text, such as `adam(betas=(0.9, 0.98))`.
        batch_size: examples a step.
        steps: updates a run.
        learning_rates: those of its trials.
    """

    label: str
    rule: str
    batch_size: int
    steps: int
    learning_rates: tuple[float, ...]

    def make_rule(self, lr: float) -> Rule:
        """The rule at one learning rate."""
        return rules.find(self.rule, lr=lr)


@dataclass(frozen=True)
class Plan:
    """A whole comparison, as data."""

    workload: str
    target: float
    contestants: tuple[Contestant, ...]
    seeds: int

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        contestants = tuple(
            Contestant(**each | {"learning_rates": tuple(each["learning_rates"])}) for each in data.pop("contestants")
        )
        return cls(contestants=contestants, **data)

    @property
    def runs(self) -> int:
        """Number of runs, trials and reports together."""
        return sum(len(each.learning_rates) + self.seeds for each in self.contestants)


def make_plan(
    workload: Workload,
    optimizers: Sequence[str] = LECTURE_FIVE,
    *,
    trials: int = 16,
    seeds: int = 10,
    steps: int | None = None,
    target: float | None = None,
    batch_sizes: Sequence[int | str] | None = None,
) -> Plan:
    """The plan of a comparison: every optimizer gets the same number of trials, at the same places of its range.

    With several batch sizes each optimizer competes once with each, and runs as long as it takes to see as many
    examples as the workload's own batch size and steps do (or `steps` steps, if given).

    Raises:
        InvalidValue: a number out of range, an unknown rule, a contestant named twice.
    """
    _check_count("trials", trials)
    _check_count("seeds", seeds)
    if steps is not None:
        _check_count("steps", steps)
    if target is not None and not _is_finite(target):
        raise InvalidValue(f"target: must be a finite number, got {target!r}")
    if not optimizers:
        raise InvalidValue("optimizers: name at least one")
    if batch_sizes is not None and not batch_sizes:
        raise InvalidValue("batch-size: name at least one")
    specs = [spec for each in optimizers for spec in _expand(each)]
    sizes = [workload.batch_size] if batch_sizes is None else [_batch_size(size) for size in batch_sizes]
    count = workload.examples() if batch_sizes is not None else 0
    contestants = []
    for spec in specs:
        rule = rules.find(spec)
        lrs = _learning_rates(spec, rule, trials)
        for size in sizes:
            label = _label(spec, rule) if batch_sizes is None else f"{_label(spec, rule)} (batch {size or 'all'})"
            size = min(size or count, count) if batch_sizes is not None else size
            length = steps or max(1, round(workload.steps * workload.batch_size / size))
            contestants.append(Contestant(label, spec, size, length, lrs))
    labels = [each.label for each in contestants]
    for label in labels:
        if labels.count(label) > 1:
            raise InvalidValue(f"optimizers: {label!r} is there twice")
    goal = workload.target if target is None else float(target)
    return Plan(workload.name, goal, tuple(contestants), seeds)


def search_points(count: int, low: float, high: float) -> tuple[float, ...]:
    """Quasi-random points of (low, high), even on a log scale: a scrambled Sobol sequence, the same for everyone.

    >>> [f"{lr:.0e}" for lr in sorted(search_points(4, 1e-4, 1.0))]  # one in each decade
    ['4e-04', '4e-03', '2e-02', '1e-01']
    """
    from scipy.stats import qmc

    exponent = max(0, (count - 1).bit_length())
    points = qmc.Sobol(d=1, scramble=True, rng=0).random_base2(exponent)[:count, 0]
    return tuple(float(f"{low * (high / low) ** point:.3g}") for point in points)


def _learning_rates(spec: str, rule: Rule, trials: int) -> tuple[float, ...]:
    """The trials of a rule; one whose learning rate is given by hand has nothing to search."""
    if "lr" in dict(parse(spec).kwargs):
        return (rule.lr,)
    search = rule.hyperparameters()["lr"].metadata["facts"].search
    if search is None:
        raise InvalidValue(f"{rule.title}: declares no range of learning rates to search; give one, {spec}(lr=...)")
    return search_points(trials, *search)


def _expand(optimizer: str) -> list[str]:
    """One optimizer as text; a rule file stands for all rules in it."""
    file, found, text = optimizer.rpartition(".py")
    if not found:
        return [optimizer]
    path = Path(f"{file}.py").expanduser().resolve()  # a study may go on from another folder
    return [f"{path}{text}"] if text else [f"{path}:{name}" for name in rules.names_in_file(path)]


def _label(spec: str, rule: Rule) -> str:
    changed = [f"{name}={value}" for name, value in parse(spec).kwargs]
    return f"{rule.title} {', '.join(changed)}".strip()


def _check_count(name: str, count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidValue(f"{name}: must be a whole number from 1, got {count!r}")


def _batch_size(size: int | str) -> int:
    """Examples a step; 0 stands for all of them."""
    if size == "all":
        return 0
    try:
        number = int(size)
    except ValueError:
        number = -1
    if number < 1:
        raise InvalidValue(f"batch-size: must be whole numbers from 1, or all; got {size!r}")
    return number


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) < float("inf")
