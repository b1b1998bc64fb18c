"""Schedules of the learning rate: factors, as functions of the step, that multiply the rule's own learning rate.

A schedule is a function `(step, steps) -> factor`, `step` counting from 0, so that the first update already uses
`factor(0, steps)`. (Torch's schedulers step after the update; applied once an epoch they therefore run one epoch late.)
"""

import math
from collections.abc import Callable

from .base.errors import InvalidValue, UnknownName, did_you_mean
from .base.spec import parse

__all__ = [
    "SCHEDULES", "Schedule", "constant", "cosine", "exponential", "find", "inverse_sqrt", "label_of", "name_of",
    "warmup_cosine",
]  # fmt: skip

Schedule = Callable[[int, int], float]
"""A function `(step, steps) -> factor`."""


def constant() -> Schedule:
    """Always the rule's own learning rate.

    >>> constant()(50, 100)
    1.0
    """
    return lambda step, steps: 1.0


def exponential(rate: float = 0.1) -> Schedule:
    r"""Exponential decay, $e^{-r t}$: soon too small to get anywhere.

    Args:
        rate: $r$, at least 0.

    Raises:
        InvalidValue: a negative or infinite rate.

    >>> round(exponential(0.1)(10, 100), 4)
    0.3679
    """
    _check("exponential", rate)
    return lambda step, steps: math.exp(-rate * step)


def inverse_sqrt(rate: float = 0.1) -> Schedule:
    r"""Decay like one over the root of the step: slow enough to arrive, fast enough to settle.

    $(1 + r t)^{-1/2}$

    Args:
        rate: $r$, at least 0.

    Raises:
        InvalidValue: a negative or infinite rate.

    >>> inverse_sqrt(0.1)(30, 100)
    0.5
    """
    _check("inverse_sqrt", rate)
    return lambda step, steps: (1 + rate * step) ** -0.5


def _check(name: str, rate: float) -> None:
    if not 0 <= rate < math.inf:  # a negative rate would grow without bound, or take the root of a negative number
        raise InvalidValue(f"{name}: rate must lie in [0, inf), got {rate!r}")


def cosine() -> Schedule:
    r"""Half a cosine, from the full learning rate down to 0 at the end.

    $\frac12 (1 + \cos(\pi t / T))$ (Loshchilov and Hutter 2017)

    >>> cosine()(50, 100)
    0.5
    """
    return lambda step, steps: 0.5 * (1 + math.cos(math.pi * step / steps))


def warmup_cosine(warmup: float = 0.1) -> Schedule:
    """A straight rise over the first `warmup` share of the steps, then a cosine down to 0.

    Args:
        warmup: share of the steps, in [0, 1).

    Raises:
        InvalidValue: a share outside of that.

    >>> [warmup_cosine(0.1)(step, 100) for step in (0, 9, 55)]
    [0.1, 1.0, 0.5]
    """
    if not 0 <= warmup < 1:
        raise InvalidValue(f"warmup_cosine: warmup must lie in [0, 1), got {warmup}")

    def factor(step: int, steps: int) -> float:
        rise = max(1, round(warmup * steps))
        if step < rise and warmup > 0:
            return (step + 1) / rise
        return cosine()(step - rise, max(1, steps - rise)) if warmup > 0 else cosine()(step, steps)

    return factor


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    schedule.__name__: schedule for schedule in (constant, exponential, inverse_sqrt, cosine, warmup_cosine)
}
"""All schedules by name, as functions of their settings."""


def find(schedule: "str | Schedule | None") -> Schedule:
    """A schedule by name or spec, such as `exponential(0.05)`; None is constant, a function is itself.

    `warmup+cosine` is another spelling of `warmup_cosine`.

    Raises:
        UnknownName: no schedule has this name.
        InvalidValue: wrong arguments, or neither a name nor a function.

    >>> find("exponential(0.05)")(0, 100)
    1.0
    """
    if schedule is None:
        return constant()
    if callable(schedule):
        return schedule
    if not isinstance(schedule, str):
        raise InvalidValue(f"schedule: expected a name or a function, got {schedule!r}")
    spec = parse(_normalized(schedule))
    if spec.name not in SCHEDULES:
        raise UnknownName(f"unknown schedule {spec.name!r}; {did_you_mean(spec.name, SCHEDULES)}")
    try:
        return SCHEDULES[spec.name](*spec.args, **dict(spec.kwargs))
    except TypeError:
        raise InvalidValue(f"schedule {schedule!r}: wrong arguments; write for example exponential(rate=0.1)") from None


def name_of(schedule: str) -> str:
    """The canonical spelling of a schedule given as text, which plans store; raises as `find` does.

    >>> name_of("warmup+cosine"), name_of(" exponential(0.05)")
    ('warmup_cosine', 'exponential(0.05)')
    """
    find(schedule)
    return _normalized(schedule)


def label_of(schedule: "str | Schedule | None") -> str:
    """The spelling of a schedule for legends: empty for a constant rate, and for a function.

    >>> label_of("warmup+cosine"), label_of("constant"), label_of(None)
    ('warmup_cosine', '', '')
    """
    named = _normalized(schedule) if isinstance(schedule, str) else ""
    return "" if named in ("constant", "constant()") else named


def _normalized(schedule: str) -> str:
    name, parenthesis, arguments = schedule.strip().partition("(")
    return name.strip().replace("+", "_") + parenthesis + arguments
