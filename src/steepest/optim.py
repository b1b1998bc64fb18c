"""Any rule as a `torch.optim.Optimizer`.

`steepest.Adam` and its siblings are made here from the rules, so that their hyperparameters, defaults and documentation
have one source. Editors and type checkers read the same signatures from `optim.pyi`, which `tools/stubs.py` prints
from the rules and a test keeps true.
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from .errors import UnknownSetting, did_you_mean
from .rules import RULES, Rule

__all__ = ["Optimizer", "as_optimizer", *(rule.__name__ for rule in RULES.values())]

SWITCHES: dict[str, tuple[Any, str]] = {
    "maximize": (False, "climb instead of descend"),
    "differentiable": (False, "let autograd see the step itself"),
    "foreach": (None, "accepted because torch has it; changes nothing, here the rule chooses"),
    "fused": (None, "accepted because torch has it; changes nothing, here the rule chooses"),
    "capturable": (False, "accepted because torch has it; True raises, CUDA graphs are not supported"),
}
"""What every optimizer accepts beside its rule's hyperparameters: default and meaning, under torch's names."""


class Optimizer(torch.optim.Optimizer):
    """Steps parameters by a rule; base of `steepest.SGD`, `steepest.Adam` and the others.

    Everything that torch gives its own optimizers works: parameter groups with their own hyperparameters, schedulers,
    closures, hooks, `state_dict`, `GradScaler`. A parameter whose gradient is None is skipped and keeps its own count
    of steps; gradients are never modified.
    """

    rule_class: ClassVar[type[Rule]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = _bind(type(self), args, kwargs)
        super().__init__(given.pop("params"), given)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its own hyperparameters, as in torch; wrong ones raise `InvalidValue`."""
        before = len(self.param_groups)
        super().add_param_group(param_group)
        for group in self.param_groups[before:]:
            try:
                self._rule(group)
                if group["capturable"]:
                    raise UnknownSetting(f"{type(self).__name__}: capturable=True (CUDA graphs) is not supported")
            except Exception:
                del self.param_groups[before:]
                raise

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Make one step from the gradients in `param.grad`.

        Args:
            closure: reevaluates the model and returns the loss, which is then returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            with torch.set_grad_enabled(group["differentiable"]):
                rule = self._rule(group)
                for param in group["params"]:
                    if param.grad is not None:
                        self._step_param(rule, param, group["maximize"])
        return loss

    def _rule(self, group: dict[str, Any]) -> Rule:
        return self.rule_class(**{name: group[name] for name in self.rule_class.hyperparameters()})

    def _step_param(self, rule: Rule, param: Tensor, maximize: bool) -> None:
        grad: Tensor = param.grad  # type: ignore[assignment]
        if grad.is_sparse:
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients; use a dense embedding")
        # a complex number is two real coordinates, as in torch
        real, back = (torch.view_as_real, torch.view_as_complex) if param.is_complex() else (_itself, _itself)
        initial = rule.init(param)
        state = self._complete_state(initial, param)
        values = [None if start is None else real(state[name]) for name, start in initial.items()]
        step = int(state["step"]) + 1
        # the step is in place; autograd, where it looks on, needs the values from before it
        inputs = (real(-grad if maximize else grad), real(param.clone() if torch.is_grad_enabled() else param))
        delta, *new = rule.update(*inputs, step, *values)
        for name, value in zip(initial, new, strict=True):
            if value is not None:
                # a rule may hand back what it was given; the state must not share memory with what others write to
                state[name] = back(value.clone() if any(value is each for each in inputs) else value)
        param.add_(back(delta))
        state["step"] = state["step"] + 1

    def _complete_state(self, initial: dict[str, Any], param: Tensor) -> dict[str, Any]:
        """The parameter's state, with what the rule needs now and does not find there set to its initial value."""
        state: dict[str, Any] = self.state[param]
        if "step" not in state:
            # torch's SGD keeps no step; a buffer loaded from its checkpoint means that at least one was made
            resumed = any(state.get(name) is not None for name in initial)
            state["step"] = torch.tensor(1.0 if resumed else 0.0, dtype=torch.float32)
        for name, value in initial.items():
            if value is not None and state.get(name) is None:
                state[name] = value.clone() if isinstance(value, Tensor) else _filled_like(param, value)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore; a setting that an older checkpoint or torch's own does not have takes this optimizer's default."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)


def _itself(x: Tensor) -> Tensor:
    return x


def _filled_like(param: Tensor, value: float) -> Tensor:
    return torch.full_like(param, complex(value, value) if param.is_complex() else value, requires_grad=False)


def _signature(rule_class: type[Rule]) -> inspect.Signature:
    keyword, either = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    settings = [inspect.Parameter(name, either, default=value) for name, value in rule_class.defaults().items()]
    switches = [inspect.Parameter(name, keyword, default=value) for name, (value, _) in SWITCHES.items()]
    return inspect.Signature([inspect.Parameter("params", either), *settings, *switches])


def _bind(cls: type[Optimizer], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    signature = _signature(cls.rule_class)
    for name in kwargs:
        if name not in signature.parameters:
            raise UnknownSetting(f"{cls.__name__} has no argument {name!r}; {did_you_mean(name, signature.parameters)}")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UnknownSetting(f"{cls.__name__}: {error}") from None
    bound.apply_defaults()
    return dict(bound.arguments)


def document(rule_class: type[Rule]) -> str:
    lines = [
        inspect.getdoc(rule_class) or "",
        "",
        "Args:",
        "    params: parameters, named parameters, or groups of them.",
    ]
    for name, each in rule_class.hyperparameters().items():
        facts = each.metadata["facts"]
        interval = f" In {facts.within}." if facts.within else ""
        lines.append(f"    {name}: {facts.about}.{interval} Default {each.default}.")
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
        f">>> optimizer = steepest.{rule_class.__name__}(model.parameters(), lr=0.1)",
        ">>> model(torch.ones(1, 2)).sum().backward()",
        ">>> optimizer.step()",
    ]
    return "\n".join(lines)


def as_optimizer(rule_class: type[Rule]) -> type[Optimizer]:
    """The `torch.optim.Optimizer` that steps by a rule, with torch's argument order: parameters, then hyperparameters.

    >>> from dataclasses import dataclass
    >>> from steepest.rules import Rule
    >>> @dataclass(frozen=True, kw_only=True)
    ... class SignDescent(Rule):
    ...     title = "Sign descent"
    ...     reference = "this example"
    ...     def init(self, param):
    ...         return {}
    ...     def update(self, grad, param, step):
    ...         return (-self.lr * sign(grad),)
    >>> from steepest.ops import sign
    >>> weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> (weight**2).sum().backward()
    >>> as_optimizer(SignDescent)([weight], lr=0.5).step()
    >>> weight.data
    tensor([ 0.5000, -1.5000])
    """
    facts = {
        "__module__": __name__,
        "__qualname__": rule_class.__name__,
        "__doc__": document(rule_class),
        "__signature__": _signature(rule_class),
        "rule_class": rule_class,
    }
    return type(rule_class.__name__, (Optimizer,), facts)


for _rule_class in RULES.values():
    globals()[_rule_class.__name__] = as_optimizer(_rule_class)
