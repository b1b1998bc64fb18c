"""How a run or a path ends: a few named statuses; `findings/catalogue.toml` has the cause and what to try."""

from enum import StrEnum

__all__ = ["Status"]


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
