"""Which engine steps which parameter, and the step itself."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ..base.errors import InvalidValue
from ..rules import Rule
from . import compiled, eager, half, sparse
from .checks import check_state
from .cpu import step as cpu
from .cpu.step import Job

__all__ = ["FUSED", "step"]

Group = dict[str, Any]

FUSED = "fused CPU kernel for {} parameters"
"""What is reported of parameters that the fused kernel stepped."""

LISTS = {"lists": "operations on lists for {} parameters", "compiled": "torch.compile for {} parameters"}
"""What is reported of parameters that were stepped as lists, by how."""


def step(rule: Rule, jobs: Sequence[Job], group: Group) -> Counter[str]:
    """One step of the parameters of a group (with their gradients and complete states).

    Returns:
        How many of them were stepped by whom and, where it was not the fused kernel, why not; with a place for the
        number, `{}`.
    """
    if jobs and not group["capturable"]:
        compiled.refuse_to_be_captured(rule.title, jobs[0][0])
    taken: dict[str, list[Job]] = defaultdict(list)
    reports: Counter[str] = Counter()
    for job in jobs:
        engine, report = _choose(rule, job, group)
        taken[engine].append(job)
        reports[report] += 1
    for engine, own in taken.items():
        if engine != "fused" and rule.elementwise:  # the kernel looks for itself, where it asks for addresses
            for param, _, state in own:
                check_state(rule.title, param, state, rule.numbers)
        if trouble := RUN[engine](rule, own, group):
            reports[f"{LISTS['lists']} ({trouble})"] = reports.pop(LISTS[engine])
    return reports


def _choose(rule: Rule, job: Job, group: Group) -> tuple[str, str]:
    """The engine's name, and what it reports with a place for the number of parameters."""
    param, grad, _ = job
    if way := compiled.wanted(param, group):
        refused = "float32 copies" if half.wanted(param, group) else compiled.refusal(rule, *job)
        if refused is None:
            return way, LISTS[way]
        if group["capturable"]:
            raise InvalidValue(f"{rule.title}: capturable=True is not possible here: {refused}")
    if grad.is_sparse:
        return "sparse", "rows of a sparse gradient for {} parameters"
    if rule.shared:
        return "together", "eager for {} parameters (they share numbers)"
    if half.wanted(param, group):
        return "half", "float32 copies for {} parameters in half precision"
    why = _refusal(group) or cpu.refusal(rule, *job)
    return ("eager", f"eager for {{}} parameters ({why})") if why else ("fused", FUSED)


def _refusal(group: Group) -> str | None:
    """Why a whole group is not for the fused kernel."""
    if group["differentiable"]:
        return "differentiable=True"
    return "fused=False" if group["fused"] is False else None


def _one_by_one(run: Callable[..., None]) -> Callable[[Rule, Sequence[Job], Group], None]:
    def run_all(rule: Rule, jobs: Sequence[Job], group: Group) -> None:
        for job in jobs:
            run(rule, *job, group["maximize"])

    return run_all


RUN: dict[str, Callable[[Rule, Sequence[Job], Group], str | None]] = {
    "lists": compiled.step,
    "compiled": compiled.step,
    "fused": lambda rule, jobs, group: cpu.step(rule, jobs, group["maximize"]),
    "eager": _one_by_one(eager.step),
    "sparse": _one_by_one(sparse.step),
    "together": lambda rule, jobs, group: eager.step_together(rule, jobs, group, group["maximize"]),
    "half": half.step,
}
"""What each engine does with the parameters it took; it may return why it did not go as reported."""
