"""Reports of a step as codes and numbers: which engine stepped how many parameters, and why not a faster one."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

__all__ = ["Engine", "Report", "describe"]


class Engine(Enum):
    """The engines of `steepest.optim`."""

    FUSED = "fused"
    LISTS = "lists"
    COMPILED = "compiled"
    SPARSE = "sparse"
    TOGETHER = "together"
    HALF = "half"
    EAGER = "eager"
    ASSIGNED = "assigned"
    GATHERED = "gathered"
    LOCAL = "local"  # never reported: the parts that lie here have engines of their own


@dataclass(frozen=True)
class Report:
    """The engine of a parameter; `reason` says to people why it was not a faster one."""

    engine: Engine
    reason: str = ""


TEXTS = {
    Engine.FUSED: "fused CPU kernel for {} parameters",
    Engine.LISTS: "operations on lists for {} parameters",
    Engine.COMPILED: "torch.compile for {} parameters",
    Engine.SPARSE: "rows of a sparse gradient for {} parameters",
    Engine.TOGETHER: "eager for {} parameters",
    Engine.HALF: "float32 copies for {} parameters in half precision",
    Engine.EAGER: "eager for {} parameters",
    Engine.ASSIGNED: "assigned to ranks for {} parameters",
    Engine.GATHERED: "gathered from all ranks for {} parameters",
}


def describe(reports: Counter[Report]) -> str:
    """A line for people.

    >>> describe(Counter({Report(Engine.EAGER, "fused=False"): 1, Report(Engine.FUSED): 2}))
    'eager for 1 parameters (fused=False); fused CPU kernel for 2 parameters'
    """
    lines = [
        TEXTS[report.engine].format(count) + (f" ({report.reason})" if report.reason else "")
        for report, count in reports.items()
    ]
    return "; ".join(lines) or "no step made yet"
