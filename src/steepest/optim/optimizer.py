"""Any rule as a `torch.optim.Optimizer`.

`steepest.Adam` and its siblings are made here from the rules, so that their hyperparameters, defaults and documentation
have one source. Editors and type checkers read the same signatures from `__init__.pyi`, which `tools/stubs.py` prints
from the rules and a test keeps true.
"""

import functools
import inspect
import operator
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

from ..base.errors import InvalidValue, UnknownSetting, did_you_mean
from ..rules import BUILT_IN, Rule
from . import compiled, dispatch, eager
from .checks import check_checkpoint, check_parameters, in_our_order, non_finite
from .cpu.routine import Part, Routine
from .cpu.step import Job
from .half import complete_state

__all__ = ["Optimizer", "as_optimizer", *(rule.__name__ for rule in BUILT_IN)]

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
    "capturable": (
        False,
        "counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step",
    ),
}
"""What every optimizer accepts beside its rule's hyperparameters: default and meaning, under torch's names."""


class Optimizer(torch.optim.Optimizer):
    """Steps parameters by a rule; base of `steepest.SGD`, `steepest.Adam` and the others.

    Everything that torch gives its own optimizers works: parameter groups with their own hyperparameters, schedulers,
    closures, hooks, `state_dict`, `GradScaler`. A parameter whose gradient is None is skipped and keeps its own count
    of steps; gradients are never modified.
    """

    rule_class: ClassVar[type[Rule]]
    _rules: dict[int, tuple[tuple[Any, ...], Rule]]
    _stepped: dict[int, Rule]
    _stepped_last: list[int]
    _routine: Routine | None
    _shortcut: Routine | None
    _reports: dict[int, Counter[str]]
    _evaluating = False
    skipped_steps = 0
    """Steps not made because of `non_finite="skip"`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._start_afresh()
        given = _bind(type(self), args, kwargs)
        super().__init__(given.pop("params"), given)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its own hyperparameters, as in torch; wrong ones raise `InvalidValue`."""
        before = len(self.param_groups)
        add = torch.optim.Optimizer.add_param_group  # wrapped in what imports torch's compiler, which takes a second
        (add if "torch._dynamo" in sys.modules else inspect.unwrap(add))(self, param_group)
        try:
            for group in self.param_groups[before:]:
                self._check_group(group)
        except Exception:
            del self.param_groups[before:]
            raise

    def _check_group(self, group: dict[str, Any]) -> None:
        rule, name = self._rule(group), type(self).__name__
        for setting, value in group.items():
            if isinstance(value, Tensor) and value.numel() != 1:
                raise InvalidValue(f"{name}: Tensor {setting} must be 1-element, got {value.numel()}")
        if group["capturable"] and (why := compiled.uncapturable(rule, group)):
            raise UnknownSetting(f"{name}: capturable=True (CUDA graphs) is not supported with {why}")
        if group["foreach"] and group["fused"]:
            raise InvalidValue(f"{name}: `fused` and `foreach` cannot be `True` together")
        if group["non_finite"] not in (None, "skip", "raise"):
            raise InvalidValue(f"{name}: non_finite must be None, 'skip' or 'raise', got {group['non_finite']!r}")
        if group["master_weights"] and group["stochastic_rounding"]:
            raise InvalidValue(f"{name}: choose one of master_weights and stochastic_rounding")
        check_parameters(name, group["params"], rule.least_axes)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step from the gradients in `param.grad`.

        Args:
            closure: reevaluates the model and returns the loss, which is then returned.
        """
        if self._somebody_looks():
            return self._shown_step(closure)
        shortcut = self._shortcut
        if closure is None and shortcut is not None and shortcut.step(self.param_groups, self.state):
            return None
        return self._step(closure)

    step.hooked = True  # type: ignore[attr-defined]  # by this torch knows that it need not wrap it

    def _somebody_looks(self) -> bool:
        """Whether there is a hook, a profiler or a compiler that must be shown the step; to show it takes its time."""
        return bool(
            torch.compiler.is_compiling()
            or torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
            or torch_optimizer._global_optimizer_pre_hooks
            or torch_optimizer._global_optimizer_post_hooks
            or self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
        )

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        """Make one step with all that there may be beside it: a closure, gradients to be judged, groups to look at."""
        if self._evaluating:
            raise RuntimeError(f"{type(self).__name__}: a step within evaluating() would be lost; leave it first")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        watchful = [group for group in self.param_groups if group["non_finite"] is not None]
        if watchful and self._is_to_be_skipped(watchful):
            self.skipped_steps += 1
            return loss
        if torch.compiler.is_compiling():
            self._step_groups_uncompiled()
        else:
            self._step_groups()
        return loss

    _shown_step = torch.optim.Optimizer.profile_hook_step(_step)

    def _step_groups(self) -> None:
        parts = self._repeat()
        done = {id(part.group) for part in parts}
        others = [self._step_group(group) for group in self.param_groups if id(group) not in done]
        fused = [each for each in others if each is not None]
        stepped = [id(param) for _, jobs, _ in fused for param, _, _ in jobs]
        if stepped == self._stepped_last and (more := [part for each in fused for part in Part.of(*each)]):
            self._routine = Routine.of([*parts, *more], self.param_groups, self.state)
        self._stepped_last = stepped  # a routine pays where steps are alike, so it is made after two that were
        known = {id(part.group) for part in self._routine.parts} if self._routine is not None else set()
        covers_all = all(id(group) in known for group in self.param_groups)
        watchful = any(group["non_finite"] is not None for group in self.param_groups)
        self._shortcut = self._routine if covers_all and not watchful else None

    def _repeat(self) -> Sequence[Part]:
        """Have the groups stepped that the routine knows, with their hyperparameters of now; tells which it did."""
        routine = self._routine
        if routine is not None and routine.adopt(self._rule) and routine.step(self.param_groups, self.state):
            return routine.parts
        self._routine = None
        return ()

    def _step_group(self, group: dict[str, Any]) -> tuple[Rule, list[Job], dict[str, Any]] | None:
        """Step a group, looking at everything; what was stepped, if the fused kernel made it all."""
        rule = self._rule(group)
        is_new = self._stepped.get(id(group)) is not rule
        jobs = [(param, param.grad, self.state[param]) for param in group["params"] if param.grad is not None]
        with torch.set_grad_enabled(group["differentiable"]):
            for param, _, state in jobs:
                if is_new or "step" not in state:
                    complete_state(rule, param, state, group)
            self._reports[id(group)] = reports = dispatch.step(rule, jobs, group)
        self._stepped[id(group)] = rule
        return (rule, jobs, group) if reports.keys() <= {dispatch.FUSED} else None

    @torch._disable_dynamo  # type: ignore[attr-defined]  # the kernel is compiled already; torch.compile of a step that contains it leaves it alone
    def _step_groups_uncompiled(self) -> None:
        self._step_groups()

    def _is_to_be_skipped(self, watchful: list[dict[str, Any]]) -> bool:
        """Whether a gradient is not finite in one of these groups; raises if one wants that."""
        for name in non_finite(watchful):
            if any(group["non_finite"] == "raise" for group in watchful):
                raise InvalidValue(f"{type(self).__name__}: the gradient of {name} is not finite; nothing was stepped")
            return True
        return False

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """While it lasts, parameters hold the weights to evaluate; afterwards they are what they were, bit by bit.

        For most rules these are the parameters themselves and nothing happens. Schedule-Free has others: validate, and
        save the model to use it, within this context; train and save the optimizer outside it.

        Raises:
            RuntimeError: a step within the context, which would be lost.
        """
        kept: list[tuple[Tensor, Tensor]] = []
        self._evaluating, self._shortcut = True, None
        try:
            with torch.no_grad():
                for group in self.param_groups:
                    rule = self._rule(group)
                    for param in group["params"]:
                        weights = eager.evaluation(rule, param, self.state.get(param, {}))
                        if weights is not None:
                            kept.append((param, param.clone()))
                            param.copy_(weights)
            yield
        finally:
            with torch.no_grad():
                for param, before in kept:
                    param.copy_(before)
            self._evaluating = False

    @property
    def engine(self) -> str:
        """Which engine made the last step, and why not the fused one, where it did not."""
        counts: Counter[str] = Counter()
        for group in self.param_groups:
            counts += self._reports.get(id(group), Counter())
        return "; ".join(report.replace("{}", str(count), 1) for report, count in counts.items()) or "no step made yet"

    def _rule(self, group: dict[str, Any]) -> Rule:
        """The rule with the group's hyperparameters; the same object until one of them changes."""
        rule_class = self._class(group)
        look = _look_up(rule_class)
        settings, known = look(group), self._rules.get(id(group))
        if known is not None and type(known[1]) is rule_class and all(map(operator.is_, known[0], settings)):
            return known[1]
        rule = rule_class(**dict(zip(rule_class.hyperparameters(), settings, strict=False)))
        self._rules[id(group)] = settings, rule
        return rule

    def _class(self, group: dict[str, Any]) -> type[Rule]:
        """The rule of a group; the same for all, unless a subclass routes (see `routing`)."""
        return self.rule_class

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state saved by this optimizer or by torch's of the same name.

        The state is copied and keeps its own dtype (torch casts it to the parameter's and may share its memory).
        Where both sides know their parameters by name, these are matched by name, whatever their order (torch's own
        goes by place alone).
        """
        seen: list[dict[str, Any]] = []
        params = [param for group in self.param_groups for param in group["params"]]

        def check(_: Any, given: dict[str, Any]) -> dict[str, Any]:
            given = in_our_order(type(self).__name__, self.param_groups, given)
            self._check_checkpoint(given)
            seen.append(given)
            return given

        last = self.register_load_state_dict_pre_hook(check)
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        saved = [key for group in seen[0]["param_groups"] for key in group["params"]]
        groups = [group for group in self.param_groups for _ in group["params"]]
        for key, param, group in zip(saved, params, groups, strict=True):
            on_host = () if group["capturable"] else ("step", *self._class(group).numbers)
            for name, value in seen[0]["state"].get(key, {}).items():
                if isinstance(value, Tensor):
                    device = "cpu" if name in on_host else param.device
                    self.state[param][name] = value.detach().to(device, copy=True)

    def _check_checkpoint(self, given: dict[str, Any]) -> None:
        params = [param for group in self.param_groups for param in group["params"]]
        check_checkpoint(self._rule(self.param_groups[0]), params, given)

    def _start_afresh(self) -> None:
        """What is remembered between steps only to save time, or to tell."""
        self._rules = {}
        self._stepped = {}
        self._stepped_last = []
        self._routine = None
        self._shortcut = None
        self._reports = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore; a setting that an older checkpoint or torch's own does not have takes this optimizer's default."""
        super().__setstate__(state)
        self._start_afresh()
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
        for kept in self.state.values():
            for name, each in kept.items():
                if isinstance(each, int | float):  # as older versions of torch saved it
                    kept[name] = torch.tensor(float(each), dtype=torch.float32 if name == "step" else torch.float64)


@functools.cache
def _look_up(rule_class: type[Rule]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Takes a rule's hyperparameters out of a group, in one call; the parameters behind them, for it to be a tuple."""
    return operator.itemgetter(*rule_class.hyperparameters(), "params")


def _signature(rule_class: type[Rule]) -> inspect.Signature:
    keyword, either = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_name = {name for name, each in rule_class.hyperparameters().items() if each.metadata["facts"].keyword}
    settings = [
        inspect.Parameter(name, keyword if name in by_name else either, default=value)
        for name, value in rule_class.defaults().items()
    ]
    switches = [inspect.Parameter(name, keyword, default=value) for name, (value, _) in SWITCHES.items()]
    arguments = [inspect.Parameter("params", either), *settings, *switches]
    return inspect.Signature(sorted(arguments, key=lambda argument: argument.kind))


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
    params = "[model.weight]" if rule_class.least_axes > 1 else "model.parameters()"
    lines = [
        inspect.getdoc(rule_class) or "",
        "",
        "Args:",
        "    params: parameters, named parameters, or groups of them.",
    ]
    for name, each in rule_class.hyperparameters().items():
        facts = each.metadata["facts"]
        interval = f" In {facts.within}." if facts.within else ""
        lines.append(f"    {name}: {facts.about.en}.{interval} Default {each.default}.")
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
        f">>> optimizer = steepest.{rule_class.__name__}({params}, lr=0.1)",
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
        "__module__": __package__,
        "__qualname__": rule_class.__name__,
        "__doc__": document(rule_class),
        "__signature__": _signature(rule_class),
        "rule_class": rule_class,
    }
    return type(rule_class.__name__, (Optimizer,), facts)


for _rule_class in BUILT_IN:
    globals()[_rule_class.__name__] = as_optimizer(_rule_class)
