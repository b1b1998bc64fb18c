"""How a run or a path ended: a few named outcomes, each with a sentence that says the cause and what to try."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Outcome", "Status"]


class Status(StrEnum):
    """The named ends of a run."""

    REACHED = "reached the target"
    FINISHED = "finished"
    STUCK = "stuck"
    DIVERGED = "diverged"
    NON_FINITE = "became non-finite"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Outcome:
    """How it ended, at which step (None: at the last one), and why."""

    status: Status
    message: str
    step: int | None = None

    def __str__(self) -> str:
        return self.message
