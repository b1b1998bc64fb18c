"""Schedules of the learning rate: factors, as functions of the step, that multiply the rule's own learning rate.

A schedule is a function `(step, steps) -> factor`, `step` counting from 0, so that the first update already uses
`factor(0, steps)`. (Torch's schedulers step after the update; applied once an epoch they therefore run one epoch late.)

`scheduler` makes a scheduler of torch of any of them. Where an optimizer is trained, a schedule may also be a scheduler
of an installed module, such as `torch.optim.lr_scheduler:OneCycleLR`, which acts on the optimizer itself.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

from .base.errors import InvalidValue, SteepestError, UnknownName, did_you_mean
from .base.installed import load_module
from .base.modules import last_words
from .base.spec import Spec, parse

__all__ = [
    "OF_THE_WORKLOAD", "SCHEDULES", "Schedule", "check_scheduler", "constant", "cosine", "exponential", "find",
    "inverse_sqrt", "is_scheduler", "label_of", "linear", "name_of", "scheduler", "warmed_up", "warmup_constant",
    "warmup_cosine", "warmup_linear", "warmup_stable_decay", "warmup_then",
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


def linear() -> Schedule:
    r"""A straight line, from the full learning rate down to 0 at the end: $1 - t / T$.

    >>> linear()(25, 100)
    0.75
    """
    return lambda step, steps: (steps - step) / steps


def warmup_constant(warmup: float = 0.1) -> Schedule:
    """A straight rise over the first `warmup` share of the steps, then the rule's own learning rate.

    Args:
        warmup: share of the steps, in [0, 1).

    Raises:
        InvalidValue: a share outside of that.

    >>> [warmup_constant(0.1)(step, 100) for step in (0, 9, 55)]
    [0.1, 1.0, 1.0]
    """
    return _warmed_up("warmup_constant", warmup, constant())


def warmup_linear(warmup: float = 0.1) -> Schedule:
    """A straight rise over the first `warmup` share of the steps, then a straight line down to 0.

    Args:
        warmup: share of the steps, in [0, 1).

    Raises:
        InvalidValue: a share outside of that.

    >>> [warmup_linear(0.1)(step, 100) for step in (0, 9, 55)]
    [0.1, 1.0, 0.5]
    """
    return _warmed_up("warmup_linear", warmup, linear())


def warmup_cosine(warmup: float = 0.1) -> Schedule:
    """A straight rise over the first `warmup` share of the steps, then a cosine down to 0.

    Args:
        warmup: share of the steps, in [0, 1).

    Raises:
        InvalidValue: a share outside of that.

    >>> [warmup_cosine(0.1)(step, 100) for step in (0, 9, 55)]
    [0.1, 1.0, 0.5]
    """
    return _warmed_up("warmup_cosine", warmup, cosine())


def warmup_stable_decay(warmup: float = 0.1, decay: float = 0.2) -> Schedule:
    """A straight rise, then the rule's own learning rate, then a straight line down to 0 (Hu et al. 2024).

    Args:
        warmup: share of the steps in which it rises, in [0, 1).
        decay: share of the steps, at the end, in which it falls, in [0, 1 - warmup].

    Raises:
        InvalidValue: a share outside of that.

    >>> [warmup_stable_decay(0.1, 0.2)(step, 100) for step in (0, 9, 55, 90)]
    [0.1, 1.0, 1.0, 0.5]
    """
    if not 0 <= decay <= 1 - warmup:
        raise InvalidValue(f"warmup_stable_decay: decay must lie in [0, 1 - warmup], got {decay}")
    rising = warmup_constant(warmup)

    def factor(step: int, steps: int) -> float:
        fall = round(decay * steps)
        return (steps - step) / fall if step > steps - fall else rising(step, steps)

    return factor


def _warmed_up(name: str, warmup: float, after: Schedule) -> Schedule:
    """A straight rise over a share of the steps, then another schedule over those that are left."""
    if not 0 <= warmup < 1:
        raise InvalidValue(f"{name}: warmup must lie in [0, 1), got {warmup}")
    if warmup == 0:
        return after

    def factor(step: int, steps: int) -> float:
        rise = max(1, round(warmup * steps))
        return (step + 1) / rise if step < rise else after(step - rise, max(1, steps - rise))

    return factor


def warmup_then(share: float = 0.1, then: str = "constant") -> Schedule:
    """A straight rise over the first share of the steps, then another schedule over the rest of them.

    Args:
        share: of the steps, in [0, 1).
        then: the other schedule, by name or spec.

    Raises:
        InvalidValue: a share outside of that.
        UnknownName: no schedule has this name.

    >>> [warmup_then(0.1, "inverse_sqrt(1)")(step, 100) for step in (0, 9, 13)]
    [0.1, 1.0, 0.5]
    """
    return _warmed_up("warmup_then", share, find(then))


def warmed_up(schedule: str, share: float) -> str:
    """The spelling of a schedule behind a linear warm-up over a share of the steps; of none at 0 the schedule itself.

    >>> warmed_up("cosine", 0.1), warmed_up("exponential(0.1)", 0.1), warmed_up("cosine", 0.0)
    ('warmup_cosine(0.1)', "warmup_then(0.1, 'exponential(0.1)')", 'cosine')
    """
    if share == 0:
        return schedule
    return (
        f"warmup_{schedule}({share!r})"
        if f"warmup_{schedule}" in SCHEDULES
        else f"warmup_then({share!r}, {schedule!r})"
    )


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    schedule.__name__: schedule
    for schedule in (
        constant, exponential, inverse_sqrt, linear, cosine, warmup_constant, warmup_linear, warmup_cosine,
        warmup_stable_decay, warmup_then,
    )
}  # fmt: skip
"""All schedules by name, as functions of their settings."""

SHORT = {"warmup": "warmup_constant"}
"""Other names of schedules."""


def find(schedule: "str | Schedule | None") -> Schedule:
    """A schedule by name or spec, such as `exponential(0.05)`; None is constant, a function is itself.

    `warmup+cosine` is another spelling of `warmup_cosine`, `warmup` a short one of `warmup_constant`.

    Raises:
        UnknownName: no schedule has this name.
        InvalidValue: wrong arguments, or neither a name nor a function; or a scheduler, which is no function.

    >>> find("exponential(0.05)")(0, 100)
    1.0
    """
    if schedule is None:
        return constant()
    if callable(schedule):
        return schedule
    if not isinstance(schedule, str):
        raise InvalidValue(f"schedule: expected a name or a function, got {schedule!r}")
    spec = parse(_normalized(schedule), nested=False)
    if spec.module or spec.file:
        raise InvalidValue(f"schedule {schedule!r}: acts on an optimizer; only steepest compare can take one")
    if spec.name not in SCHEDULES:
        raise UnknownName(f"unknown schedule {spec.name!r}; {did_you_mean(spec.name, SCHEDULES)}")
    try:
        return SCHEDULES[spec.name](*spec.args, **dict(spec.kwargs))
    except TypeError:
        raise InvalidValue(f"schedule {schedule!r}: wrong arguments; write for example exponential(rate=0.1)") from None


def name_of(schedule: str) -> str:
    """The canonical spelling of a schedule given as text, which plans store; raises as `find` does.

    That of a scheduler of an installed module is the text, which `scheduler` will judge.

    >>> name_of("warmup+cosine"), name_of(" exponential(0.05)"), name_of("warmup(0.2)")
    ('warmup_cosine', 'exponential(0.05)', 'warmup_constant(0.2)')
    """
    if is_scheduler(schedule):
        return schedule.strip()
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
    name = name.strip().replace("+", "_")
    return SHORT.get(name, name) + parenthesis + arguments


# --- schedulers of torch ----------------------------------------------------------------------------------------------

OF_THE_WORKLOAD = "workload"
"""In the place of a schedule's name: the scheduler that the workload's file defines."""

OF_THE_RUN = {
    "total_steps": "steps",
    "T_max": "steps",
    "num_training_steps": "steps",
    "max_lr": "rates",
}
"""What a scheduler gets from the run, where it requires it and the user does not give it."""

COMPARED = 20
"""Steps in which a scheduler is seen to heed the learning rate of its optimizer."""


def is_scheduler(schedule: str) -> bool:
    """Whether a schedule is a scheduler of an installed module: `torch.optim.lr_scheduler:OneCycleLR`."""
    return parse(_normalized(schedule), nested=False).module is not None


def scheduler(optimizer: Any, schedule: str, steps: int) -> Any:
    """A scheduler as torch has them, whose `step()` is called after each step of the optimizer.

    Args:
        optimizer: any of `torch.optim.Optimizer`; its learning rates now are what the schedule multiplies.
        schedule: a name or a spec, as `steepest compare --schedule` takes it.
        steps: of the training.

    Returns:
        A `LambdaLR`, or a scheduler of another module. That gets the number of steps as `total_steps` or `T_max`, and
        the optimizer's learning rates as `max_lr`, where it requires these and the spec does not give them.

    Raises:
        UnknownName, InvalidValue: as `find`; or the module, or what it has there, cannot be used.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.5)
    >>> scheduler(optimizer, "linear", steps=4).get_last_lr()
    [0.5]
    >>> scheduler(optimizer, "torch.optim.lr_scheduler:CosineAnnealingLR(eta_min=0.1)", steps=100).T_max
    100
    """
    if not is_scheduler(schedule):
        import torch

        factor = find(schedule)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, steps))
    spec = parse(schedule, nested=False)
    make = _maker(schedule, spec)
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    of_the_run = {"steps": steps, "rates": rates if len(rates) > 1 else rates[0]}
    params = inspect.signature(make).parameters
    given = dict(zip([*params][1:], spec.args, strict=False)) | dict(spec.kwargs)
    for name, what in OF_THE_RUN.items():
        required = name in params and params[name].default in (inspect.Parameter.empty, None)
        if required and name not in given and not (name == "total_steps" and "epochs" in given):
            given[name] = of_the_run[what]
    try:
        made = make(optimizer, **given)
    except SteepestError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidValue(f"schedule {schedule!r}: {last_words(error)}") from error
    if not callable(getattr(made, "step", None)):
        raise InvalidValue(f"schedule {schedule!r}: must give an object with step(), got {made!r}")
    return made


def _maker(schedule: str, spec: Spec) -> Callable[..., Any]:
    assert spec.module is not None
    module = load_module(spec.module, schedule)
    make = getattr(module, spec.name, None)
    if make is None:
        known = [name for name, value in vars(module).items() if callable(getattr(value, "step", None))]
        raise UnknownName(f"{schedule}: {spec.module} has no {spec.name!r}; {did_you_mean(spec.name, known)}")
    if not callable(make):
        raise InvalidValue(f"schedule {schedule!r}: is no scheduler")
    return make  # type: ignore[no-any-return]


def check_scheduler(schedule: str, steps: int) -> None:
    """See that a scheduler can be stepped without arguments, and heeds the learning rate of its optimizer.

    Raises:
        UnknownName, InvalidValue: it cannot, or does not; with what to write instead.
    """
    import torch

    curves = []
    for rate in (1.0, 0.5):
        weight = torch.nn.Parameter(torch.ones(1))
        weight.grad = torch.zeros(1)
        optimizer = torch.optim.SGD([weight], lr=rate, momentum=0.9)
        made, curve = scheduler(optimizer, schedule, steps), []
        for _ in range(min(COMPARED, steps) - 1):
            curve.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            try:
                made.step()
            except Exception as error:
                hint = "what needs more than that goes into scheduler(optimizer, steps) of the workload's file"
                raise InvalidValue(f"schedule {schedule!r}: step() raised {last_words(error)}; {hint}") from error
        curves.append([*curve, float(optimizer.param_groups[0]["lr"])])
    if curves[0] == curves[1]:
        remedy = "leave out its own, such as max_lr, and that of each trial takes its place"
        raise InvalidValue(f"schedule {schedule!r}: sets the same learning rates whatever the trial's is; {remedy}")
