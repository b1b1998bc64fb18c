"""The identity of a process that works on a study, across machines, and the check whether it is still alive.

A process number alone identifies nothing: numbers are reused, containers number their processes separately, and a
study's file may have been copied or mounted from another machine. So an owner is machine, number and start time.
"""

import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["HEARTBEAT", "LEASE", "Owner"]

HEARTBEAT = 15.0
"""Seconds between two heartbeats that a process stores."""

LEASE = 120.0
"""Seconds without a heartbeat after which a process on another machine counts as dead: several missed heartbeats."""


@dataclass(frozen=True)
class Owner:
    """A process that works on a study.

    Attributes:
        machine: the machine since its last start, and the namespace of its process numbers.
        process: its number.
        started: its start time in clock ticks since the machine's start; empty where the system does not tell.
        seen: its last heartbeat, seconds since 1970.

    >>> Owner.this().is_this_process, Owner.this().is_alive
    (True, True)
    """

    machine: str
    process: int
    started: str
    seen: float

    @classmethod
    def this(cls) -> "Owner":
        """The calling process."""
        return cls(_machine(), os.getpid(), _start_time(os.getpid()), time.time())

    @property
    def is_this_process(self) -> bool:
        """Whether it is the calling process."""
        return (self.machine, self.process, self.started) == (_machine(), os.getpid(), _start_time(os.getpid()))

    @property
    def is_alive(self) -> bool:
        """Whether it is alive: on this machine by asking the system, on another by the age of its last heartbeat.

        The clocks of two machines may differ; `LEASE` allows for about a minute and a half.
        """
        if self.machine != _machine():
            return time.time() - self.seen < LEASE
        if not _exists(self.process):
            return False
        if not self.started:  # some process has this number, but it may be another one by now
            return time.time() - self.seen < LEASE
        return _start_time(self.process) == self.started


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing, but fails as a signal would
    except ProcessLookupError:
        return False
    except OSError:  # it exists, and belongs to another user
        pass
    return True


def _start_time(process: int) -> str:
    """Clock ticks from the machine's start to the process's, where the system keeps them (Linux)."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split()  # the name before it, in parentheses, may hold spaces itself
    return "" if state == "Z" else fields[18]  # a zombie has ended; field 22 of proc(5)


@cache
def _machine() -> str:
    """The machine since its last start, and the namespace of its process numbers (a container has its own)."""
    return "/".join([platform.node(), *filter(None, (_boot_id(), _pid_namespace()))])


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
