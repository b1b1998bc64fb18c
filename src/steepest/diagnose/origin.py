"""Where a training comes from: what one needs to run it again."""

import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["Origin", "origin_of"]

LONGEST = 300
"""Letters of a command or of an optimizer's settings that are kept."""


@dataclass(frozen=True)
class Origin:
    """A training as it was when it began to be watched.

    Attributes:
        command: that started the process; empty in a notebook or an interactive session.
        created: the time, as ISO 8601 in UTC.
        machine: operating system and processor.
        versions: by name, of Python and of what computes.
        device: of the model's first parameter.
        model: the name of its class.
        parameters: number of its entries.
        optimizers: each with its settings, as it is typed.
        seed: what torch's generator was last seeded with, by the script or by torch itself.
    """

    command: str = ""
    created: str = ""
    machine: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    model: str = ""
    parameters: int = 0
    optimizers: tuple[str, ...] = ()
    seed: int | None = None


def origin_of(model: nn.Module, optimizers: Sequence[Any]) -> Origin:
    """The origin of a training that begins now."""
    params = list(model.parameters())
    return Origin(
        command=_command(sys.argv),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{platform.system()} {platform.machine()}",
        versions={"steepest": _own_version(), "torch": torch.__version__, "Python": platform.python_version()},
        device=str(params[0].device) if params else "",
        model=type(model).__name__,
        parameters=sum(param.numel() for param in params),
        optimizers=tuple(_settings(optimizer) for optimizer in optimizers),
        seed=torch.initial_seed(),
    )


@cache
def _own_version() -> str:
    """Read once: metadata is a file, and a study watches thousands of runs."""
    return version("steepest")


def _command(arguments: Sequence[str]) -> str:
    """The command that started a Python script, as far as arguments tell it.

    >>> _command(["train.py", "--epochs", "3"]), _command(["/usr/bin/ipykernel_launcher.py"]), _command(["-c"])
    ('python train.py --epochs 3', '', '')
    """
    program, *others = arguments or [""]
    if not program or program.startswith("-") or "ipykernel" in program:
        return ""
    first = ["python", program] if program.endswith(".py") else [Path(program).name]
    return _short(shlex.join([*first, *others]))


def _settings(optimizer: Any) -> str:
    """An optimizer with its numbers.

    >>> _settings(torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9))
    'SGD(lr=0.1, momentum=0.9, dampening=0, weight_decay=0)'
    """
    groups = getattr(optimizer, "param_groups", None) or [{}]
    shown = [
        f"{name}={value!r}"
        for name, value in groups[0].items()
        if (isinstance(value, Real) and not isinstance(value, bool))
        or (isinstance(value, tuple) and all(isinstance(each, Real) for each in value))
    ]
    others = f", {len(groups)} groups" if len(groups) > 1 else ""
    return _short(f"{type(optimizer).__name__}({', '.join(shown)}{others})")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
