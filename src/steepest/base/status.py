"""The status in which a run or a path ends; a finding of `findings/catalogue.toml` adds the cause and advice."""

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """How a run of training, or a path over a landscape, ended; the texts are what a study stores and prints.

    A path ends in one of the first five. A run of a study may also fail (by an exception or a crash), time out, or be a
    hopeless trial that was stopped early.
    """

    REACHED = "reached the target"
    FINISHED = "finished"
    STUCK = "stuck"
    DIVERGED = "diverged"
    NON_FINITE = "became non-finite"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    STOPPED = "stopped early"
