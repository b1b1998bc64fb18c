"""Any rule as a `torch.optim.Optimizer`.

`steepest.Adam` and its siblings are made here from the rules, so that their hyperparameters, defaults and documentation
have one source. Editors and type checkers read the same signatures from `__init__.pyi`, which `tools/stubs.py` prints
from the rules and a test keeps true.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

from ..base.errors import InvalidValue, UnknownSetting
from ..rules import BUILT_IN, Rule
from . import ascent, compiled, low_bits, modes, sharded
from .assigned import Assigned
from .authors import translated
from .backward import StepInBackward
from .checkpoints import check_checkpoint, in_our_order
from .checks import check_given, check_names, check_parameters, non_finite
from .distribution import Distribution, group_of
from .group import GroupCache
from .reports import Report, describe
from .settings import later_rule_of, rule_of
from .signature import SWITCHES, bind, document, signature_of, switches
from .together import Together, check_settings

__all__ = ["Optimizer", "as_optimizer", *(rule.__name__ for rule in BUILT_IN)]


class Optimizer(torch.optim.Optimizer):
    """Steps parameters by a rule; base of `steepest.SGD`, `steepest.Adam` and the others.

    Everything that torch gives its own optimizers works: parameter groups with their own hyperparameters, schedulers,
    closures, hooks, `state_dict`, `GradScaler`. A parameter whose gradient is None is skipped and keeps its own count
    of steps; gradients are never modified.
    """

    rule_class: ClassVar[type[Rule]]
    _caches: list[GroupCache]
    _kept: dict[Tensor, Tensor]
    _evaluating = False
    _is_given_closures = False
    _backward: StepInBackward | None = None
    _over: Any = None
    skipped_steps = 0
    """Steps not made because of `non_finite="skip"`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._caches, self._kept = [], {}
        arguments = bind(type(self).__name__, self.rule_class, args, kwargs)
        check_given(type(self).__name__, arguments["params"])
        super().__init__(arguments.pop("params"), arguments)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its own hyperparameters, as in torch; wrong ones raise `InvalidValue`."""
        before = len(self.param_groups)
        if isinstance(param_group, dict):
            rule_class = self._class(param_group)
            known = {*rule_class.hyperparameters(), *rule_class.foreign_arguments(), *SWITCHES}
            check_names(type(self).__name__, param_group, known)
        add = torch.optim.Optimizer.add_param_group  # wrapped in what imports torch's compiler, which takes a second
        (add if "torch._dynamo" in sys.modules else inspect.unwrap(add))(self, param_group)
        try:
            for group in self.param_groups[before:]:
                self._check_group(group)
                if self._backward is not None:
                    self._backward.check_group(group)
            self._sharing()
        except Exception:
            del self.param_groups[before:]
            raise
        if self._backward is not None:
            for index in range(before, len(self.param_groups)):
                self._backward.add_group(index)

    def _check_group(self, group: dict[str, Any]) -> None:
        foreign = self._class(group).foreign_arguments().keys() & group.keys()
        group |= self._class(group).translated({setting: group.pop(setting) for setting in foreign})
        rule, name = rule_of(self._class(group), group), type(self).__name__
        for setting in rule.defaults().keys() & group.keys():
            value, several = group[setting], isinstance(self._class(group).defaults().get(setting), tuple)
            if isinstance(value, Tensor) and value.numel() != 1 and not several:
                raise InvalidValue(f"{name}: Tensor {setting} must be 1-element, got {value.numel()}")
            found = getattr(rule, setting)  # without NumPy
            numbers = found if several and isinstance(found, tuple | list) else (found,)
            if any(isinstance(number, tuple | list) for number in numbers):  # many trajectories have lists
                raise InvalidValue(f"{name}: {setting} must be {'numbers' if several else 'a number'}, got {value!r}")
        group |= switches(name, group)
        if group["capturable"] and (why := compiled.uncapturable(rule, group)):
            raise UnknownSetting(f"{name}: capturable=True (CUDA graphs) is not supported with {why}")
        if group["foreach"] and group["fused"]:
            raise InvalidValue(f"{name}: `fused` and `foreach` cannot be `True` together")
        if not isinstance(group["non_finite"], str | None) or group["non_finite"] not in (None, "skip", "raise"):
            raise InvalidValue(f"{name}: non_finite must be None, 'skip' or 'raise', got {group['non_finite']!r}")
        if group["master_weights"] and group["stochastic_rounding"]:
            raise InvalidValue(f"{name}: choose one of master_weights and stochastic_rounding")
        low_bits.check(rule, group)
        sharded.refuse_flat_pieces(name, rule, group["params"])
        check_parameters(name, group["params"], rule.least_axes)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step from the gradients in `param.grad`.

        Args:
            closure: reevaluates the model and returns the loss, which is then returned.
        """
        wrapped = (
            torch.compiler.is_compiling()
            or torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
            or self._has_hooks()
        )
        return self._step_with_hooks(closure) if wrapped else self._step(closure)

    def _has_hooks(self) -> bool:
        return bool(
            torch_optimizer._global_optimizer_pre_hooks
            or torch_optimizer._global_optimizer_post_hooks
            or self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
        )

    step.hooked = True  # type: ignore[attr-defined]  # torch need not wrap it: that costs as much as a small step

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        if self._evaluating:
            raise RuntimeError(f"{type(self).__name__}: a step within evaluating() would be lost; leave it first")
        if any(map(modes.is_evaluating, self.param_groups)):
            raise RuntimeError(f"{type(self).__name__}: a step after eval() would be lost; call train() first")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if self._evaluates_again():
            if closure is None:
                raise InvalidValue(f"{type(self).__name__}: evaluates the gradient twice; call step(closure)")
            ascent.evaluate_again(self, closure)
        checked = [group for group in self.param_groups if group["non_finite"] is not None]
        if checked and self._is_to_be_skipped(checked):
            self.skipped_steps += 1
        elif torch.compiler.is_compiling():
            self._step_groups_uncompiled()
        else:
            self._step_groups()
        return loss

    _step_with_hooks = torch.optim.Optimizer.profile_hook_step(_step)

    def _step_groups(self) -> None:
        """Prepare the steps of all groups, then make them: where one cannot be made, none is."""
        self._caches += [GroupCache() for _ in self.param_groups[len(self._caches) :]]
        together, assigned = self._sharing(), Assigned(self._over)
        steps = [
            cache.prepare(self._class(group), group, self.state, together.get(self._class(group)), assigned)
            for group, cache in zip(self.param_groups, self._caches, strict=False)
        ]
        for make in steps:
            make()

    def _sharing(self) -> dict[type[Rule], Together]:
        """By rule, for those whose parameters share numbers: a step of all of the rule's groups."""
        sharing = [group for group in self.param_groups if self._class(group).shared]
        groups = {
            rule: [group for group in sharing if self._class(group) is rule] for rule in map(self._class, sharing)
        }
        for rule, (first, *others) in groups.items():
            for group in others:
                check_settings(type(self).__name__, later_rule_of(rule, group), later_rule_of(rule, first))
        return {rule: Together(own) for rule, own in groups.items()}

    @torch._disable_dynamo  # type: ignore[attr-defined]  # torch.compile leaves the step alone: its kernel is compiled already
    def _step_groups_uncompiled(self) -> None:
        self._step_groups()

    def _is_to_be_skipped(self, groups: list[dict[str, Any]]) -> bool:
        """Whether a gradient is not finite in one of these groups; raises if one of them has `non_finite="raise"`."""
        for name in non_finite(groups):
            if any(group["non_finite"] == "raise" for group in groups):
                raise InvalidValue(f"{type(self).__name__}: the gradient of {name} is not finite; nothing was stepped")
            return True
        return False

    def step_in_backward(
        self,
        model: torch.nn.Module | None = None,
        *,
        clip_value: float | None = None,
        clip_last_norm: float | None = None,
    ) -> StepInBackward:
        r"""From now on `backward()` steps each parameter as soon as its gradient is complete, and frees the gradient.

        Gradients are so never all alive, which saves their memory: that of the weights once more. Every rule steps as
        usual, bit by bit (one that shares numbers between parameters is refused). A training loop may stay as it is:
        `step()` then finds no gradients and does nothing but call hooks and what schedulers watch, nor does
        `zero_grad()`; a gradient that was not made by backward is stepped by `step()`. Parameters that are used several
        times are stepped once, when all parts of the gradient are there. Checkpointed activations
        (`use_reentrant=False`), schedulers, groups, `state_dict` and sparse gradients work as before.

        What cannot be had so: DistributedDataParallel and sharded parameters, whose gradients are summed later;
        `GradScaler`, which looks at all gradients before a step (use bfloat16); the gradient after `backward()`;
        clipping by this step's norm. To accumulate gradients, call all but the last `backward()` within
        `with handle.accumulating():`.

        Args:
            model: what is trained: refused if it holds a parameter that the optimizer does not step, or if it is in
                DistributedDataParallel. Needed where there are several processes.
            clip_value: bound on the size of each number of a gradient, as `torch.nn.utils.clip_grad_value_`.
            clip_last_norm: bound $c$ on the norm, measured **one step late**: gradients are scaled by
                $\min(1, c / n)$ with the norm $n$ of all gradients of the *last* backward; those of the first are not
                clipped. It cannot bound a sudden spike; `steepest.Clipped` bounds each tensor's at once.

        Returns:
            A handle; `handle.remove()` ends it, as does the end of `with optimizer.step_in_backward():`.

        Raises:
            InvalidValue: the steps cannot be made so; why, in one line.

        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = as_optimizer(BUILT_IN[0])([weight], lr=0.25)
        >>> with optimizer.step_in_backward():
        ...     (weight**2).sum().backward()
        >>> weight.item(), weight.grad
        (0.5, None)
        """
        if self._backward is not None:
            raise InvalidValue(
                f"{type(self).__name__}: it steps in backward already; call remove() of the handle first"
            )
        if self._over is not None:
            raise InvalidValue(f"{type(self).__name__}: its steps are divided among processes; step as usual")
        self._backward = StepInBackward(self, model, clip_value, clip_last_norm)
        return self._backward

    def distribute(self, over: Any = None) -> Distribution:
        r"""Divide the steps of whole matrices among processes: each is computed by one of them, which sends the result.

        For Muon and other rules that need whole tensors; all else is stepped as before. Sharded parameters
        (`fully_shard`) are divided without this call. Under DistributedDataParallel every process would otherwise
        compute all steps: call this once, in every process, before training; then train as before. The result is that
        of one process to rounding (matrices: the same operations in the same order), whatever the number of processes,
        groups and matrices; gradients may be accumulated, clipped and scaled. Checkpoints are as without it: any
        process has all states that it had before, for any number of processes. A step is refused in all processes
        where a gradient is None in some only; if a process fails within a step, the others stop with an error that
        says so, and one that does not call `step()` lets them wait until the timeout of the group.

        With $P$ processes, a matrix of $N$ numbers of $b$ bytes and Muon: arithmetic is that of one process divided by
        $P$, as evenly as whole matrices can be given out. Under DDP the owner sends $b N$ bytes to each other process,
        which keeps its states (Muon: $b N$). Sharded over $P$, every process sends its part, $b N / P$ bytes, to the
        owner, and gets its part back; states are parts, too. While a round lasts, an owner holds what was sent for at
        most 32 MiB of matrices, and the results. `optim/assigned.py` has the formulas for any rule and mesh;
        `print(optimizer.distribution)` the numbers.

        Args:
            over: the model, in DistributedDataParallel or sharded; or the group of the processes whose parameters and
                gradients are the same, or a mesh of one axis; None: all processes.

        Returns:
            Who does what; `print` shows it as a table.

        Raises:
            InvalidValue: the processes have other parameters, or nothing says that their gradients are the same.

        >>> import steepest, torch.distributed as dist
        >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)  # as torchrun does
        >>> model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 6, bias=False))
        >>> steepest.Muon(model.parameters(), lr=0.02).distribute(model)
        Muon
          1 parameters, 24 numbers: assigned to 1 processes (replicas: 1, parts: 1), instead of ... kflop a step in each
            process  owns  kflop  sends B  receives B  states B  in flight B
                  0     1   ...        0           0        96          ...
        >>> dist.destroy_process_group()
        """
        name = type(self).__name__
        if self._backward is not None:
            raise InvalidValue(f"{name}: steps in backward cannot be divided; call remove() of the handle first")
        self._over = group_of(name, self.param_groups, over)
        return self.distribution

    @property
    def distribution(self) -> Distribution:
        """Which process computes the steps of which whole matrices, and what is sent: see `distribute`."""
        return Distribution(type(self).__name__, self)

    @property
    def needs_closure(self) -> bool:
        """Whether a step evaluates the gradient again, as SAM's does, and so needs a closure.

        Of a class that derives from one of steepest's, and whose own step needs one, set it to True.
        """
        return self._is_given_closures or self._evaluates_again()

    @needs_closure.setter
    def needs_closure(self, needed: bool) -> None:
        self._is_given_closures = needed

    def _evaluates_again(self) -> bool:
        return any(self._class(group).evaluations != 1 for group in self.param_groups)

    def eval(self) -> None:
        """Put the weights to evaluate into the parameters, until `train()`; for most rules they are the same.

        Trainers that know Schedule-Free call both: before a validation or before the model is saved, and before the
        next step. A checkpoint of the optimizer goes with a model that was saved in the same mode.
        """
        if not self._evaluating:
            modes.to_evaluation(self._in_mode(evaluating=False), self.state, self._kept)

    def train(self) -> None:
        """Put the parameters back after `eval()`: bit by bit, unless other weights were loaded meanwhile."""
        if not self._evaluating:
            modes.to_training(self._in_mode(evaluating=True), self.state, self._kept)
            self._kept.clear()

    def _in_mode(self, evaluating: bool) -> list[tuple[Rule, dict[str, Any]]]:
        """The groups in this mode whose rule has weights to evaluate, with their rules."""
        return [
            (later_rule_of(self._class(group), group), group)
            for group in self.param_groups
            if modes.evaluates_elsewhere(self._class(group)) and modes.is_evaluating(group) is evaluating
        ]

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """While it lasts, parameters hold the weights to evaluate; afterwards they are what they were, bit by bit.

        For most rules these are the parameters themselves and nothing happens. Schedule-Free has others: validate, and
        save the model to use it, within this context; train and save the optimizer outside it. See `eval()`, too.

        Raises:
            RuntimeError: a step within the context, which would be lost.
        """
        if self._evaluating:
            yield
            return
        groups = self._in_mode(evaluating=False)
        kept: dict[Tensor, Tensor] = {}
        self._evaluating = True
        try:
            modes.to_evaluation(groups, self.state, kept)
            yield
        finally:
            modes.put_back(groups, kept)
            self._evaluating = False

    @property
    def engine(self) -> str:
        """Which engine made the last step, and why not the fused one, where it did not."""
        counts: Counter[Report] = Counter()
        for _, kept in zip(self.param_groups, self._caches, strict=False):
            counts += kept.reports
        counts += self._backward.reports if self._backward is not None else Counter()
        return describe(counts)

    def _class(self, group: dict[str, Any]) -> type[Rule]:
        """The rule of a group; the same for all, unless a subclass routes (see `routing`)."""
        return self.rule_class

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: torch's names and numbers; of `state_bits=8` and `16` in full precision, too.

        Of 8-bit states it holds the units of the blocks too, so that a run that loads it goes on exactly.
        """
        places = [(param, group) for group in self.param_groups for param in group["params"]]

        def decode(_: Any, result: dict[str, Any]) -> None:
            for key, (param, group) in enumerate(places):
                if group["state_bits"] is not None and (state := result["state"].get(key)):
                    rule = later_rule_of(self._class(group), group)
                    result["state"][key] = low_bits.full(rule, param, state, group["state_bits"])

        first = self.register_state_dict_post_hook(decode, prepend=True)
        try:
            return super().state_dict()
        finally:
            first.remove()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state saved by this optimizer, or by torch's of the same name, or the authors' of the same rule.

        The state is copied and keeps its own dtype (torch casts it to the parameter's and may share its memory).
        Where both sides have named parameters, these are matched by name, in any order (torch's own method matches
        by position alone).

        Raises:
            InvalidValue: the checkpoint is of another rule, or does not fit the parameters; nothing was loaded.
        """
        seen: list[dict[str, Any]] = []
        own_bits = [group["state_bits"] for group in self.param_groups]
        params = [param for group in self.param_groups for param in group["params"]]

        def check(_: Any, checkpoint: dict[str, Any]) -> dict[str, Any]:
            checkpoint = in_our_order(type(self).__name__, self.param_groups, checkpoint)
            checkpoint = translated(self._class, self.param_groups, checkpoint)
            self._check_checkpoint(checkpoint)
            seen.append(checkpoint)
            return checkpoint

        last = self.register_load_state_dict_pre_hook(check)
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        saved = [key for group in seen[0]["param_groups"] for key in group["params"]]
        for group, bits in zip(self.param_groups, own_bits, strict=True):
            group["state_bits"] = bits
        groups = [group for group in self.param_groups for _ in group["params"]]
        for key, param, group in zip(saved, params, groups, strict=True):
            on_host = () if group["capturable"] else ("step", *self._class(group).numbers)
            for name, value in seen[0]["state"].get(key, {}).items():
                if isinstance(value, Tensor):
                    device = "cpu" if name in on_host else param.device
                    own = value.detach().to(device, copy=True)
                    is_whole = sharded.is_sharded(param) and not sharded.is_sharded(own) and own.shape == param.shape
                    self.state[param][name] = sharded.part_like(param, own) if is_whole and own.ndim else own
            if state := self.state.get(param):
                rule = later_rule_of(self._class(group), group)
                low_bits.conform(rule, param, state, group["state_bits"])

    def _check_checkpoint(self, given: dict[str, Any]) -> None:
        check_checkpoint(self.rule_class, self.param_groups, given)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle an optimizer whose class no module has by name as one of its rule."""
        rule_class = getattr(type(self), "rule_class", None)
        if rule_class is not None and as_optimizer(rule_class) is type(self):
            return _blank, (rule_class,), self.__getstate__()
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle of the optimizer holds."""
        kept = ("skipped_steps", "_is_given_closures")
        return super().__getstate__() | {name: value for name in kept if (value := getattr(self, name))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore; a setting that an older checkpoint or torch's own does not have takes this optimizer's default."""
        super().__setstate__(state)
        self._caches, self._kept = [], {}
        if self._backward is not None:
            self._backward.forget()
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
        for kept in self.state.values():
            for name, value in kept.items():
                if isinstance(value, int | float):  # as older versions of torch saved it
                    kept[name] = torch.tensor(
                        float(value), dtype=torch.float32 if name == "step" else torch.float64, device="cpu"
                    )


@cache
def as_optimizer(rule_class: type[Rule]) -> type[Optimizer]:
    """The `torch.optim.Optimizer` that steps by a rule, with torch's argument order: parameters, then hyperparameters.

    It is the same class for the same rule, so that its optimizers can be pickled wherever the rule can.

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
        "__signature__": signature_of(rule_class),
        "rule_class": rule_class,
    }
    return type(rule_class.__name__, (Optimizer,), facts)


def _blank(rule_class: type[Rule]) -> Optimizer:
    """An optimizer of a rule before it is filled with what a pickle holds."""
    made = as_optimizer(rule_class)
    return made.__new__(made)


for _rule_class in BUILT_IN:
    globals()[_rule_class.__name__] = as_optimizer(_rule_class)
