"""Who is at a run: a process, told apart from any other on this machine or another, and whether it still lives."""

import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["BEAT", "LEASE", "Owner"]

BEAT = 15.0
"""Seconds between two signs of life."""

LEASE = 120.0
"""Seconds without a sign of life after which a process on another machine counts as gone."""


@dataclass(frozen=True)
class Owner:
    """A process that works on a study.

    Attributes:
        place: the machine, so precisely that process numbers mean the same within it.
        process: its number.
        started: when it started, as the system tells it; empty where the system does not.
        seen: its last sign of life, seconds since 1970.
    """

    place: str
    process: int
    started: str
    seen: float

    @classmethod
    def this(cls) -> "Owner":
        """The process that asks."""
        return cls(_place(), os.getpid(), _started(os.getpid()), time.time())

    @property
    def is_this(self) -> bool:
        """Whether it is the process that asks."""
        return (self.place, self.process, self.started) == (_place(), os.getpid(), _started(os.getpid()))

    @property
    def lives(self) -> bool:
        """Whether it is still there: looked up on this machine, by its signs of life on another."""
        if self.place != _place():
            return time.time() - self.seen < LEASE
        if not _exists(self.process):
            return False
        if not self.started:  # the number may have passed on to another process
            return time.time() - self.seen < LEASE
        return _started(self.process) == self.started


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # not ours to signal
        pass
    return True


def _started(process: int) -> str:
    """Clock ticks from the machine's start to the process's, where the system keeps them (Linux)."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]  # a zombie has ended


@cache
def _place() -> str:
    """The machine since its last start, and the space in which processes are numbered (a container has its own)."""
    return "/".join([platform.node(), *filter(None, (_boot(), _numbering()))])


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _numbering() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
