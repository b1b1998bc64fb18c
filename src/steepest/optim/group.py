"""One parameter group from step to step: its rule, its arguments for the kernel, and which engines stepped it."""

import operator
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from ..program.record import why_not_recorded
from ..rules import Rule, Wrapped
from ..rules.base import Unchecked
from .assigned import Assigned
from .checks import check_trainable
from .cpu.step import FusedStep
from .dispatch import GroupStep
from .half import complete_state
from .reports import Report
from .settings import is_lasting, later_rule_of
from .sharded import Triple, check_gradients
from .together import Together

__all__ = ["GroupCache"]

Group = dict[str, Any]

SWITCHES = operator.itemgetter(
    "differentiable", "foreach", "fused", "capturable", "master_weights", "stochastic_rounding", "state_bits"
)
"""Those on which the choice of an engine depends."""

OTHERS = (object(),)
"""In place of settings: none is the same object."""

IS_NONE = partial(operator.is_, None)


class GroupCache:
    """Results of a group's last step that hold for the next one, unless what they were made of has changed.

    Attributes:
        reports: how many parameters each engine stepped.
    """

    def __init__(self) -> None:
        self.reports: Counter[Report] = Counter()
        self._settings: tuple[Any, ...] = ()
        self._rule: Rule | None = None
        self._completed: Rule | None = None
        self._switches: tuple[Any, ...] = ()
        self._fused: FusedStep | None = None
        self._sees_gradients = True

    @property
    def fused(self) -> FusedStep | None:
        """The last step, if it was one of fused kernels alone that can be made again, from the same gradients."""
        return self._fused if self._sees_gradients else None

    def prepare(
        self,
        rule_class: type[Rule],
        group: Group,
        states: MutableMapping[Tensor, dict[str, Any]],
        together: Together | None = None,
        assigned: Assigned | None = None,
    ) -> Callable[[], None]:
        """Do everything of a step that may fail, such as compiling a kernel; the returned function makes the step."""
        rule = self._current_rule(rule_class, group)
        self._sees_gradients = rule.evaluations == 1
        triples = [(param, grad, states[param]) for param in group["params"] if (grad := param.grad) is not None]
        while (
            isinstance(rule, Wrapped)
            and rule.is_of_gradient
            and not _is_in_kernel(rule, triples, group)
            and all(map(_is_plain, triples))
        ):  # one pass over the gradients, and the rule inside has its own engine
            with torch.no_grad():
                change = rule.wrapper.gradient
                triples = [(param, change(grad) if grad.numel() else grad, state) for param, grad, state in triples]
            rule, self._sees_gradients = rule.inner, False
        fused = self._fused
        if fused is not None and self._switches == SWITCHES(group) and fused.take(rule, triples, group["maximize"]):
            return partial(fused.run, rule, triples)
        self._fused = None
        if self._switches != SWITCHES(group):
            self._completed = None
        if not rule.elementwise:
            check_gradients(rule.title, group, assigned.over if assigned is not None else None)
        with torch.set_grad_enabled(group["differentiable"]):
            for param, _, state in triples:
                if rule is not self._completed or "step" not in state or any(map(IS_NONE, state.values())):
                    check_trainable(rule.title, param)
                    complete_state(rule, param, state, group)
            step = GroupStep(rule, triples, group, together, assigned)
        self._completed = rule

        def run() -> None:
            with torch.set_grad_enabled(group["differentiable"]):
                step.run()
            self.reports, self._fused, self._switches = step.reports, step.fused, SWITCHES(group)

        return run

    def _current_rule(self, rule_class: type[Rule], group: Group) -> Rule:
        """The rule with the group's hyperparameters; the same object until one of them is another object."""
        settings = _reader(rule_class)(group)
        if type(self._rule) is not rule_class or not all(map(operator.is_, self._settings, settings)):
            self._rule = later_rule_of(rule_class, group)
            lasting = all(map(is_lasting, settings[:-1])) and not isinstance(self._rule.lr, Unchecked)
            self._settings = settings if lasting else OTHERS
        return self._rule


def _is_in_kernel(rule: Rule, triples: Sequence[Triple], group: Group) -> bool:
    """Whether the kernel of a CPU takes the sums of the wrapped rule itself; lists of tensors do not."""
    on_host = all(param.device.type == "cpu" for param, _, _ in triples)
    return on_host and not group["foreach"] and why_not_recorded(rule, sums=True) is None


def _is_plain(triple: Triple) -> bool:
    """Whether a gradient can be changed before the step as well as in it: whole, real, and of no lower precision."""
    _, grad, _ = triple
    return type(grad) is Tensor and grad.layout is torch.strided and grad.dtype in (torch.float32, torch.float64)


@cache
def _reader(rule_class: type[Rule]) -> Callable[[Group], tuple[Any, ...]]:
    """Reads a rule's hyperparameters in one call; with the parameters, as of one name alone it would make no tuple."""
    return operator.itemgetter(*rule_class.hyperparameters(), "params")
