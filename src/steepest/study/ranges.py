"""The search space of a comparison: ranges of hyperparameters, and quasi-random points in them."""

import math
from collections.abc import Mapping, Sequence

from ..base.errors import InvalidValue, did_you_mean
from ..rules import External, Reference, Rule
from ..rules.external import REQUIRED
from ..statistics.ranges import Range

__all__ = ["Range", "Ranges", "Settings", "check_used", "own_ranges", "points", "read_range"]

Ranges = Mapping[str, Range]
Settings = Mapping[str, float]

DIGITS = 3
"""Significant digits of a point: few, so that a setting can be typed again exactly."""


def read_range(text: str) -> tuple[str, Range]:
    """The name and ends of a range as typed: `lr=1e-4:1` for every optimizer, `adam.lr=1e-3:0.1` for one.

    Raises:
        InvalidValue: it is not written so.

    >>> read_range("momentum.momentum=0.5:0.99")
    ('momentum.momentum', (0.5, 0.99))
    """
    name, equals, ends = text.partition("=")
    low, colon, high = ends.partition(":")
    try:
        if not (name.strip() and equals and colon):
            raise ValueError
        return name.strip(), (float(low), float(high))
    except ValueError:
        raise InvalidValue(f"--range {text!r}: write it as name=low:high, for example lr=1e-4:1") from None


def own_ranges(reference: Reference, user_ranges: Ranges) -> dict[str, Range]:
    """The ranges that are searched for a rule: those it declares, or the user's in their place.

    A setting fixed in the spec is not searched. The user's `adam.lr` takes precedence over `lr`.

    Raises:
        InvalidValue: the ends are not in order, or outside the interval that the rule allows.

    >>> from steepest.rules import resolve
    >>> own_ranges(resolve("adam"), {"lr": (1e-3, 0.1)}), own_ranges(resolve("adam(lr=0.1)"), {})
    ({'lr': (0.001, 0.1)}, {})
    """
    rule = reference.rule()
    ranges: dict[str, Range] = {}
    for setting, field in rule.hyperparameters().items():
        declared = field.metadata["facts"].search
        ends = next((user_ranges[name] for name in _names(reference, setting) if name in user_ranges), declared)
        if ends is not None and setting not in reference.settings:
            ranges[setting] = _checked(rule, setting, ends)
    return ranges


def _names(reference: Reference, setting: str) -> list[str]:
    """How a user may call a setting in a range, the closest first: `torch.optim:SGD.lr`, `SGD.lr`, `sgd.lr`, `lr`."""
    name = reference.rule_class.__name__
    own = [name, reference.name] if issubclass(reference.rule_class, External) else [reference.name]
    full = [f"{reference.module}:{name}"] if reference.module else []
    return [*(f"{rule}.{setting}" for rule in [*full, *own]), setting]


def _checked(rule: Rule, setting: str, ends: Range) -> Range:
    """The range as floats, after validation; the rule itself judges both ends."""
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidValue(f"range: {setting}: low must be less than high and both finite, got {low:g}:{high:g}")
    if low > 0 and not math.isfinite(high / low):
        raise InvalidValue(f"range: {setting}: {low:g}:{high:g} is too wide; write for example 1e-6:{high:g}")
    value = getattr(rule, setting)
    if value is not REQUIRED and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise InvalidValue(f"range: {rule.title}: {setting} is not one number; give it by hand instead")
    for end in (low, high):
        type(rule).configure(**{name: getattr(rule, name) for name in rule.hyperparameters()} | {setting: end})
    return float(low), float(high)


def check_used(user_ranges: Ranges, references: Sequence[Reference]) -> None:
    """Check that every range given by the user is searched by one of the rules that compete.

    Raises:
        InvalidValue: no rule searches it, for example because its name is misspelt.
    """
    searchable: set[str] = set()
    for reference in references:
        settings = reference.rule_class.hyperparameters().keys() - reference.settings.keys()
        searchable |= {name for setting in settings for name in _names(reference, setting)}
    for name in user_ranges:
        if name not in searchable:
            raise InvalidValue(f"range: no optimizer here has {name!r} to search; {did_you_mean(name, searchable)}")


def points(
    ranges: Ranges, count: int, skip: int = 0, whole: frozenset[str] = frozenset(), scramble: int = 0
) -> tuple[Settings, ...]:
    """Quasi-random points of a scrambled Sobol sequence, on a log scale where a range is above 0.

    Args:
        ranges: by name; each is one dimension.
        count: number of points.
        skip: number of points to leave out at the beginning of the sequence.
        whole: names whose values are rounded to whole numbers.
        scramble: seed of the scramble; two sequences are independent.

    Returns:
        The settings of each point, by name, rounded to three significant digits.

    >>> [f"{point['lr']:.0e}" for point in sorted(points({"lr": (1e-4, 1.0)}, 4), key=lambda p: p["lr"])]
    ['1e-04', '8e-03', '2e-02', '9e-01']
    """
    import torch  # a workload has loaded it already; importing SciPy's generator would take seconds more

    sequence = torch.quasirandom.SobolEngine(len(ranges), scramble=True, seed=scramble)  # type: ignore[no-untyped-call]
    sequence.fast_forward(skip)  # type: ignore[no-untyped-call]
    unit = sequence.draw(count, dtype=torch.float64).tolist()
    return tuple(
        {
            name: _value_at(position, ends, name in whole)
            for position, (name, ends) in zip(row, ranges.items(), strict=True)
        }
        for row in unit
    )


def _value_at(position: float, ends: Range, whole: bool) -> float:
    """The inverse of `steepest.statistics.ranges.position`, rounded."""
    low, high = ends
    value = low * (high / low) ** position if low > 0 else low + (high - low) * position
    if whole:
        return round(value)
    rounded = float(f"{value:.{DIGITS}g}")
    return rounded if low <= rounded <= high else value  # a momentum of 0.9996 is not 1
