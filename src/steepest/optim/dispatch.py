"""Which engine steps which parameter of a group, and the step itself."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ..base.errors import InvalidValue
from ..program.native import NotCompiled
from ..rules import Rule
from . import compiled, eager, half, low_bits, sharded, sparse
from .assigned import Assigned
from .checks import check_state, refusal
from .cpu import step as cpu
from .eager import Triple
from .reports import Engine, Report
from .together import Together

__all__ = ["GroupStep"]

Group = dict[str, Any]


class GroupStep:
    """A step of the parameters of a group, each by its engine. To make it changes nothing; `run` makes the step.

    Attributes:
        reports: how many parameters are stepped by which engine.
        fused: the fused step, if it is of all parameters and can be made again; None otherwise.
    """

    def __init__(
        self,
        rule: Rule,
        triples: Sequence[Triple],
        group: Group,
        together: Together | None = None,
        assigned: Assigned | None = None,
    ) -> None:
        if triples and not group["capturable"]:
            compiled.refuse_to_be_captured(rule.title, triples[0][0])
        self._rule, self._group, self._together, self._assigned = rule, group, together, assigned
        self._taken: dict[Engine, list[Triple]] = defaultdict(list)
        self.reports: Counter[Report] = Counter()
        repeated = len({id(param) for param, *_ in triples}) < len(triples)
        for triple in triples:
            report = _choose(rule, triple, group, None if repeated else assigned)
            if repeated and report.engine in AT_ONCE:
                if group["capturable"]:
                    raise InvalidValue(
                        f"{rule.title}: capturable=True is not possible here: a parameter is there twice"
                    )
                report = Report(Engine.EAGER, "a parameter is there twice")
            self._taken[report.engine].append(triple)
            self.reports[report] += 1
        self._prepare_local_parts()
        fused = self._prepare_fused()
        self._fused = fused
        self.fused = fused if fused is not None and fused.is_in_place and len(self._taken) == 1 else None
        for engine, chosen in self._taken.items():
            if engine is not Engine.FUSED:  # a kernel's arguments are checked as they are laid out
                for param, grad, state in chosen:
                    _check(rule, param, grad, state, group["state_bits"])
        half.load_kernel(rule, self._taken.get(Engine.HALF, ()), group)
        if together is not None and (sharing := self._taken.get(Engine.TOGETHER)):
            together.measure(rule, sharing, group)

    def _prepare_local_parts(self) -> None:
        """The part of each sharded parameter that lies here is stepped as any other; its engine is what is reported."""
        self._parts = sharded.LocalParts(self._taken.pop(Engine.LOCAL, ()))
        self._local = GroupStep(self._rule, self._parts.triples, self._group) if self._parts.triples else None
        if self._local is not None:
            del self.reports[Report(Engine.LOCAL)]
            self.reports += self._local.reports

    def _prepare_fused(self) -> cpu.FusedStep | None:
        """The kernels' part; without kernels the eager engine has it."""
        triples = self._taken.get(Engine.FUSED)
        if triples is None:
            return None
        try:
            return cpu.FusedStep(self._rule, triples, self._group["maximize"], self._group["state_bits"])
        except NotCompiled as error:
            self._taken[Engine.EAGER] += self._taken.pop(Engine.FUSED)
            self.reports[Report(Engine.EAGER, str(error))] = self.reports.pop(Report(Engine.FUSED))
            return None

    def run(self) -> None:
        """Make the step."""
        if self._local is not None:
            self._local.run()
            self._parts.put_back()
        for engine, triples in self._taken.items():
            if engine is Engine.FUSED and self._fused is not None:
                self._fused.run(self._rule, triples)
            elif engine is Engine.ASSIGNED and self._assigned is not None:
                self._assigned.run()  # those of all groups, at the first of them
            elif engine is Engine.TOGETHER and self._together is not None:
                self._together.step(self._rule, triples, self._group)
            elif reason := RUN[engine](self._rule, triples, self._group):
                self.reports[Report(Engine.LISTS, reason)] = self.reports.pop(Report(engine))


def _choose(rule: Rule, triple: Triple, group: Group, assigned: Assigned | None) -> Report:
    """The engine of a parameter."""
    param, grad, _ = triple
    if group["differentiable"] and (obstacle := _not_differentiable(rule, param, grad, group)):
        raise InvalidValue(f"{rule.title}: differentiable=True is not possible with {obstacle}")
    bits = low_bits.bits_of(param, group["state_bits"])
    if assigned is not None and assigned.take(rule, triple, group):
        return Report(Engine.ASSIGNED)
    if sharded.is_sharded(param):
        if sharded.needs_whole(rule):
            return Report(Engine.GATHERED)
        if not group["differentiable"] and not rule.shared:
            return Report(Engine.LOCAL)
    if way := compiled.engine_for(param, group):
        refused = "float32 copies" if half.is_compensated(param, group) else refusal(rule, *triple, bits)
        if refused is None:
            return Report(way)
        if group["capturable"]:
            raise InvalidValue(f"{rule.title}: capturable=True is not possible here: {refused}")
    if grad.is_sparse:
        return Report(Engine.SPARSE)
    if rule.shared:
        return Report(Engine.TOGETHER, "they share numbers")
    if half.is_compensated(param, group):
        return Report(Engine.HALF)
    if group["differentiable"]:
        return Report(Engine.EAGER, "differentiable=True")
    if group["fused"] is False:
        return Report(Engine.EAGER, "fused=False")
    refused = cpu.refusal(rule, *triple, bits)
    return Report(Engine.FUSED) if refused is None else Report(Engine.EAGER, refused)


def _not_differentiable(rule: Rule, param: Tensor, grad: Tensor, group: Group) -> str | None:
    """What excludes a step that autograd records; None if nothing does."""
    if sharded.is_sharded(param) and not rule.elementwise:
        return "sharded parameters"
    if half.is_compensated(param, group):
        return "master_weights=True" if group["master_weights"] else "stochastic_rounding=True"
    return "sparse gradients" if grad.is_sparse else None


def _check(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], bits: int | None) -> None:
    """Refuse a parameter that the rule cannot step, before any is stepped."""
    if rule.elementwise:
        check_state(rule.title, param, state, rule.numbers)
    elif param.is_complex():
        raise RuntimeError(f"{rule.title} does not support complex parameters")
    if grad.is_sparse:
        sparse.check(rule)
        if bits is not None:
            raise InvalidValue(
                f"{rule.title}: state_bits={bits} does not support sparse gradients; put the parameter into a group"
                " without it"
            )


def _step_one_by_one(rule: Rule, triples: Sequence[Triple], group: Group) -> None:
    for triple in triples:
        eager.step(rule, *triple, group["maximize"], low_bits.bits_of(triple[0], group["state_bits"]))


def _step_gathered(rule: Rule, triples: Sequence[Triple], group: Group) -> None:
    sharded.step_gathered(triples, lambda whole: GroupStep(rule, whole, group).run())


AT_ONCE = (Engine.FUSED, Engine.LISTS, Engine.COMPILED)
"""The engines that step many parameters at once, which must not be the same."""

RUN: dict[Engine, Callable[[Rule, Sequence[Triple], Group], str | None]] = {
    Engine.LISTS: compiled.step,
    Engine.COMPILED: compiled.step,
    Engine.EAGER: _step_one_by_one,
    Engine.SPARSE: sparse.step,
    Engine.HALF: half.step,
    Engine.GATHERED: _step_gathered,
}
"""The step of each engine but the fused one and `Together`; it may return why it had to step as lists instead."""
