"""Where a comparison searches: ranges of hyperparameters, and quasi-random points in them."""

import math
from collections.abc import Mapping

from ..base.errors import InvalidValue, did_you_mean
from ..base.spec import parse
from ..rules import Rule

__all__ = ["Range", "Ranges", "Settings", "check_used", "own_ranges", "points", "read_range"]

Range = tuple[float, float]
Ranges = Mapping[str, Range]
Settings = Mapping[str, float]

DIGITS = 3
"""Significant digits of a point: as many as anyone would type."""


def read_range(text: str) -> tuple[str, Range]:
    """A range as typed: `lr=1e-4:1` for every optimizer, `adam.lr=1e-3:0.1` for one.

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


def own_ranges(spec: str, rule: Rule, given: Ranges) -> dict[str, Range]:
    """What is searched for a rule: the ranges that it declares, or the user's in their place.

    A setting given in the spec by hand is not searched. `adam.lr` comes before `lr`.

    Raises:
        InvalidValue: a range that is none, or beyond what the rule allows.
    """
    name, fixed = parse(spec).name.lower(), dict(parse(spec).kwargs)
    found: dict[str, Range] = {}
    for setting, each in rule.hyperparameters().items():
        declared = each.metadata["facts"].search
        wanted = given.get(f"{name}.{setting}", given.get(setting, declared))
        if wanted is not None and setting not in fixed:
            found[setting] = _checked(rule, setting, wanted)
    return found


def _checked(rule: Rule, setting: str, ends: Range) -> Range:
    """The range, if every number in it is one that the rule takes."""
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidValue(f"range: {setting}: low must be less than high and both finite, got {low:g}:{high:g}")
    if not isinstance(getattr(rule, setting), int | float) or isinstance(getattr(rule, setting), bool):
        raise InvalidValue(f"range: {rule.title}: {setting} is not one number; give it by hand instead")
    for end in (low, high):
        type(rule).configure(**{name: getattr(rule, name) for name in rule.hyperparameters()} | {setting: end})
    return float(low), float(high)


def check_used(given: Ranges, rules: Mapping[str, Rule]) -> None:
    """See that every range given by the user is searched by someone; `rules` are those that compete, by spec.

    Raises:
        InvalidValue: one is not, as of a misspelt name.
    """
    known = set()
    for spec, rule in rules.items():
        open_settings = set(rule.hyperparameters()) - set(dict(parse(spec).kwargs))
        known |= open_settings | {f"{parse(spec).name.lower()}.{setting}" for setting in open_settings}
    for name in given:
        if name not in known:
            raise InvalidValue(f"range: no optimizer here has {name!r} to search; {did_you_mean(name, known)}")


def points(ranges: Ranges, count: int, skip: int = 0, whole: frozenset[str] = frozenset()) -> tuple[Settings, ...]:
    """Quasi-random points, even on a log scale where a range is above 0: a scrambled Sobol sequence, the same always.

    Args:
        ranges: by name; each is one dimension.
        count: how many.
        skip: how many of the sequence to leave out at its beginning.
        whole: names whose values are whole numbers.

    >>> [f"{point['lr']:.0e}" for point in sorted(points({"lr": (1e-4, 1.0)}, 4), key=lambda p: p["lr"])]
    ['1e-04', '8e-03', '2e-02', '9e-01']
    """
    import torch  # loaded by whoever has found a workload; SciPy's generator would take as long again

    sequence = torch.quasirandom.SobolEngine(len(ranges), scramble=True, seed=0)  # type: ignore[no-untyped-call]
    sequence.fast_forward(skip)  # type: ignore[no-untyped-call]
    unit = sequence.draw(count, dtype=torch.float64).tolist()
    return tuple(
        {name: _at(share, ends, name in whole) for share, (name, ends) in zip(row, ranges.items(), strict=True)}
        for row in unit
    )


def _at(share: float, ends: Range, whole: bool) -> float:
    low, high = ends
    value = low * (high / low) ** share if low > 0 else low + (high - low) * share
    return round(value) if whole else float(f"{value:.{DIGITS}g}")
