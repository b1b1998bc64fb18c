"""Which engine steps which parameter, and the step itself."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ..checks import check_state
from ..rules import Rule
from . import cpu, eager, half, sparse
from .cpu import Job

__all__ = ["FUSED", "step"]

Group = dict[str, Any]

FUSED = "fused CPU kernel for {} parameters"
"""What is reported of parameters that the fused kernel stepped."""


def step(rule: Rule, jobs: Sequence[Job], group: Group) -> list[str]:
    """One step of the parameters of a group (with their gradients and complete states).

    Returns:
        Who stepped how many of them, and why it was not the fused kernel.
    """
    taken: dict[str, list[Job]] = defaultdict(list)
    reports: Counter[str] = Counter()
    for job in jobs:
        engine, report = _choose(rule, job, group)
        taken[engine].append(job)
        reports[report] += 1
    for engine, own in taken.items():
        if engine != "fused" and rule.elementwise:  # the kernel looks for itself, where it asks for addresses
            for param, _, state in own:
                check_state(rule.title, param, state)
        RUN[engine](rule, own, group)
    return [report.format(count) for report, count in reports.items()]


def _choose(rule: Rule, job: Job, group: Group) -> tuple[str, str]:
    """The engine's name, and what it reports with a place for the number of parameters."""
    param, grad, _ = job
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


RUN: dict[str, Callable[[Rule, Sequence[Job], Group], None]] = {
    "fused": lambda rule, jobs, group: cpu.step(rule, jobs, group["maximize"]),
    "eager": _one_by_one(eager.step),
    "sparse": _one_by_one(sparse.step),
    "together": lambda rule, jobs, group: eager.step_together(rule, jobs, group, group["maximize"]),
    "half": half.step,
}
"""What each engine does with the parameters it took."""
