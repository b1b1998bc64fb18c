"""The step-size gauge: how near the curvature along the steps comes to the largest at which such steps are stable."""

from statistics import median

from ..findings.catalogue import Finding
from .record import Record

__all__ = ["step_size"]

LAST = 9
"""The observed steps whose median is told."""


def step_size(record: Record) -> Finding | None:
    """The gauge in a sentence: information, no alarm; None where nothing of it is known.

    Its numbers are `now`, the median of the last observed steps, `most` with its `step`, and `count`, of how many steps
    it is the median. The values of all observed steps are `record.edges`.

    >>> from steepest.diagnose.record import StepFacts, Tick
    >>> tick = Tick(3, update=StepFacts([], bound=2.0), second=1.0, rounding=1e-6)
    >>> print(step_size(Record(ticks=[tick], optimizer="SGD")).happened().partition(" (")[0])
    the curvature along the steps is 0.5 of the largest at which SGD is stable at its learning rate
    """
    edges = record.edges
    if not edges:
        return Finding("step_size_none", {"why": record.no_limit}) if record.no_limit else None
    last = [edge for _, edge in edges[-LAST:]]
    step, most = max(edges, key=lambda pair: pair[1])
    numbers = {"now": median(last), "most": most, "step": step, "count": len(last), "name": record.optimizer}
    return Finding("step_size", numbers)
