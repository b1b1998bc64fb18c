"""The arguments and the documentation of an optimizer, made from its rule."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from ..base.errors import InvalidValue, UnknownSetting, did_you_mean
from ..rules import Rule
from ..rules.base import is_switch
from ..rules.foreign import translated

__all__ = ["SWITCHES", "bind", "document", "signature_of", "switches"]

SWITCHES: dict[str, tuple[Any, str]] = {
    "maximize": (False, "climb instead of descend"),
    "differentiable": (False, "let autograd see the step itself"),
    "foreach": (
        None,
        "True steps parameters as lists, operation by operation (the default on accelerators); False does not",
    ),
    "fused": (
        None,
        "False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`;"
        " on accelerators True compiles the step with torch.compile",
    ),
    "non_finite": (
        None,
        "what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`,"
        " 'raise' naming the parameter, or None: step as torch does, without looking",
    ),
    "master_weights": (False, "keep float32 weights in the state of half-precision parameters"),
    "stochastic_rounding": (False, "round half-precision parameters up or down at random, with the right mean"),
    "state_bits": (
        None,
        "8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with"
        " 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision",
    ),
    "capturable": (
        False,
        "counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step",
    ),
}
"""What every optimizer accepts beside its rule's hyperparameters: default and meaning, under torch's names."""


def signature_of(rule_class: type[Rule]) -> inspect.Signature:
    """Parameters, hyperparameters in torch's order, switches."""
    keyword, either = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_name = {name for name, field in rule_class.hyperparameters().items() if field.metadata["facts"].keyword}
    settings = [
        inspect.Parameter(name, keyword if name in by_name else either, default=value)
        for name, value in rule_class.defaults().items()
    ]
    switches = [inspect.Parameter(name, keyword, default=value) for name, (value, _) in SWITCHES.items()]
    arguments = [inspect.Parameter("params", either), *settings, *switches]
    return inspect.Signature(sorted(arguments, key=lambda argument: argument.kind))


def bind(name: str, rule_class: type[Rule], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, with all defaults.

    Raises:
        UnknownSetting: an argument that does not exist, is missing or comes twice; or one of another implementation of
            the rule, at a value that means something else.
    """
    signature = signature_of(rule_class)
    kwargs = translated(name, kwargs, rule_class.foreign_arguments())
    for argument in kwargs:
        if argument not in signature.parameters:
            raise UnknownSetting(f"{name} has no argument {argument!r}; {did_you_mean(argument, signature.parameters)}")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UnknownSetting(f"{name}: {error}") from None
    bound.apply_defaults()
    return {**bound.arguments, **switches(name, bound.arguments)}


def switches(name: str, settings: Mapping[str, Any]) -> dict[str, bool]:
    """Those of the settings that are true or false (or None where that is the default), as Python's own.

    Raises:
        InvalidValue: one is neither.
    """
    result = {}
    for switch, (default, _) in SWITCHES.items():
        value = settings.get(switch, default)
        if switch in ("non_finite", "state_bits") or value is default:
            continue
        if not is_switch(value):
            raise InvalidValue(f"{name}: {switch} must be true or false, got {value!r}")
        result[switch] = bool(value)
    return result


def in_python(rule_class: type[Rule]) -> str:
    """The optimizer as an expression: `steepest.AdamW`, `steepest.Cautious(steepest.AdamW)`."""
    return re.sub(r"\w+", lambda name: f"steepest.{name[0]}", rule_class.__name__)


def example_of_step(evaluations: int | None) -> list[str]:
    """The lines of an example that make a step, by a closure where that evaluates the gradient again."""
    if evaluations == 1:
        return [">>> model(torch.ones(1, 2)).sum().backward()", ">>> optimizer.step()"]
    return [
        ">>> def closure():",
        "...     optimizer.zero_grad()",
        "...     loss = model(torch.ones(1, 2)).sum()",
        "...     loss.backward()",
        "...     return loss",
        ">>> loss = optimizer.step(closure)",
    ]


def document(rule_class: type[Rule]) -> str:
    """The docstring of an optimizer, with an example."""
    params = "[model.weight]" if rule_class.least_axes > 1 else "model.parameters()"
    lines = [
        inspect.getdoc(rule_class) or "",
        "",
        "Args:",
        "    params: parameters, named parameters, or groups of them.",
    ]
    for name, field in rule_class.hyperparameters().items():
        facts = field.metadata["facts"]
        interval = f" In {facts.within}." if facts.within else ""
        lines.append(f"    {name}: {facts.about.en}.{interval} Default {field.default}.")
    lines += [f"    {name}: {about}. Default {default}." for name, (default, about) in SWITCHES.items()]
    lines += [
        "",
        "Raises:",
        "    InvalidValue: a hyperparameter outside its interval (a ValueError).",
        "    UnknownSetting: an argument that does not exist (a TypeError).",
        "",
        f"Reference: {rule_class.reference}.",
        "",
        ">>> import steepest, torch",
        ">>> model = torch.nn.Linear(2, 1)",
        f">>> optimizer = {in_python(rule_class)}({params}, lr=0.1)",
        *example_of_step(rule_class.evaluations),
    ]
    return "\n".join(lines)
