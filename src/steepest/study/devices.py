"""The devices that a study trains on: how they are named, what this machine has, and what each of them is.

A device is a text as torch has it: "cpu", "cuda:1", "mps". Nothing here initialises one unless its name needs to be
told, and of the CPU not even torch is loaded.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NoReturn

from ..base.checks import check_whole
from ..base.errors import InvalidValue, UnknownName

__all__ = ["CPU", "DEFAULT", "check_here", "described", "is_name", "kind_of", "places", "read_devices"]

CPU = "cpu"
DEFAULT = (CPU,)
"""The devices of a study that names none."""

KINDS = ("auto", CPU, "cuda", "mps", "xpu")
"""What can be named; torch may know others, which a plugin of it has registered."""

NAME = re.compile(r"([a-z][a-z0-9_]*)(?::(\d{1,3}))?")

MOST_A_DEVICE = 1024
"""Runs that share a device, at most."""


def read_devices(names: str | Sequence[str], on: str = "processes") -> tuple[str, ...]:
    """The devices that a user names, each as torch names it, all of one kind.

    Args:
        names: `"cpu"`, `"cuda"` (the first), `"cuda:1"`, `"mps"`, `"auto"` (the accelerator of this machine, else the
            CPU), several with commas between or as a list.
        on: where runs are done. On a cluster (`"ray"`) only a kind can be named, `"cpu"` or `"cuda"`; which one of a
            node's devices a run gets is for Ray to say.

    Raises:
        InvalidValue: this machine lacks one of them (what it has is in the message), they are of several kinds, or a
            cluster cannot tell them apart.
        UnknownName: there is no such device.

    >>> read_devices("cpu")
    ('cpu',)
    >>> read_devices("gpu")
    Traceback (most recent call last):
    steepest.base.errors.UnknownName: device: unknown device 'gpu'; known: auto, cpu, cuda, mps, xpu
    """
    texts = names.split(",") if isinstance(names, str) else list(names)
    devices = tuple(dict.fromkeys(_read(str(text).strip(), on) for text in texts))
    if not devices:
        raise InvalidValue("device: name at least one")
    if on != "ray":
        check_here(devices)
    return devices


def _read(text: str, on: str) -> str:
    match = NAME.fullmatch(text.lower())
    if match is None:
        _refuse(text)
    kind, index = match.groups()
    if on == "ray":
        if kind not in (CPU, "cuda") or index:
            raise InvalidValue(f"device: on ray, name a kind, cpu or cuda, not {text}; Ray says which one a run gets")
        return kind
    if kind == "auto" and index is None:
        return next((device for device in _here() if device != CPU), CPU)
    if kind in (CPU, "mps") and not int(index or 0):  # of which there is one
        return kind
    if kind == "auto" or (kind not in KINDS and not _is_known(kind)):
        _refuse(text)
    return f"{kind}:{int(index or 0)}"


def _refuse(text: str) -> NoReturn:
    """Raise for a text that names no device: what may have been meant, where it begins as one."""
    kind, number = re.fullmatch(r"([a-z]*)(.*)", text.lower(), re.DOTALL).groups()  # type: ignore[union-attr]
    if kind not in KINDS or not number:
        raise UnknownName(f"device: unknown device {text!r}; known: {', '.join(KINDS)}")
    if kind == "auto":
        raise InvalidValue(f"device: {text!r}: auto has no number; write auto, or one of {', '.join(KINDS[1:])}")
    digits = re.search(r"\d+", number)
    example = f"{kind}:{digits[0] if digits and '-' not in number and len(digits[0]) < 4 else 0}"
    raise InvalidValue(f"device: {text!r}: write the number of a device, from 0, behind a colon, for example {example}")


def is_name(text: str) -> bool:
    """Whether a text has the form of a device's name."""
    return NAME.fullmatch(text) is not None


def check_here(devices: Sequence[str]) -> None:
    """See that this machine has these devices, and that they are alike.

    Raises:
        InvalidValue: it lacks one, or two are of different kinds or models, whose runs would not be pairs.
    """
    if set(devices) == {CPU}:
        return
    here = _here()
    for device in devices:
        if device not in here:
            kind = kind_of(device)
            lacking = device if any(kind_of(other) == kind for other in here) else f"{kind.upper()} device"
            raise InvalidValue(f"device: this machine has no {lacking}; it has: {', '.join(here)}")
    what = {device: described(device).partition(" ")[2] or kind_of(device) for device in devices}
    first = devices[0]
    for device in devices:
        if what[device] != what[first]:
            raise InvalidValue(
                f"device: {first} is {what[first]}, {device} is {what[device]}; runs on both could not be compared,"
                " name devices of one kind"
            )


def kind_of(device: str) -> str:
    """The kind of a device, without its number.

    >>> kind_of("cuda:1")
    'cuda'
    """
    return device.partition(":")[0]


def described(device: str) -> str:
    """The device and, where the system tells, its model: "cuda:0 NVIDIA H200"; of a CPU just "cpu"."""
    if device == CPU:
        return device
    import torch

    try:
        return f"{device} {torch.get_device_module(device).get_device_name(device)}"
    except (AttributeError, RuntimeError, AssertionError):  # as of Apple's, and of one that is not there
        return device


def places(devices: Sequence[str], per_device: int | None, jobs: int | None) -> int | None:
    """How many runs are done at a time: `per_device` on each device (default: one), at most `jobs`.

    None on the CPU where neither is given: one a core.

    >>> places(["cuda:0", "cuda:1"], 4, None), places(["cuda:0"], None, 8), places(["cpu"], None, None)
    (8, 1, None)
    """
    if per_device is not None:
        check_whole("per-device", per_device, 1, MOST_A_DEVICE)
    elif set(devices) == {CPU}:
        return jobs
    most = (per_device or 1) * len(devices)
    return most if jobs is None else min(jobs, most)


@cache
def _here() -> tuple[str, ...]:
    """The devices of this machine, the CPU first."""
    import torch

    found = [CPU]
    if torch.cuda.is_available():
        found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    other = torch.accelerator.current_accelerator(check_available=True)
    if other is not None and other.type not in ("cuda", "mps"):
        found += [f"{other.type}:{index}" for index in range(torch.accelerator.device_count())]
    return tuple(found)


def _is_known(kind: str) -> bool:
    import torch

    try:
        torch.device(kind)
    except RuntimeError:
        return False
    return True
