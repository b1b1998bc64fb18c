"""Signs in a record: each is a function that gives the numbers of its finding, or None.

A sign reads the record and the thresholds of `findings/training.toml`, nothing else. Which finding explains another one
stands in that catalogue, too.
"""

from collections.abc import Callable

from ...findings.catalogue import TRAINING
from ..record import Record
from . import course, data, drawn, rates, steps
from .levels import Numbers, constant_inputs, guessing, guessing_level

__all__ = ["SIGNS", "guessing", "guessing_level", "settle", "signs_of"]

SIGNS: dict[str, Callable[[Record], Numbers | None]] = {
    name: getattr(module, name)
    for module in (data, drawn, steps, rates, course)
    for name in module.__all__
    if name.islower()
}
"""Each sign by the code of its finding."""

EVENTS: dict[str, Callable[[Record], Numbers | None]] = {"spike": course.worst_spike, "leap": rates.first_leap}
"""What single losses tell, wherever in a training they are."""

BY_COURSE = ("init_large", "lr_high", "lr_low", "no_signal", "noise_floor", "overfitting", "spike")
"""Signs that take a loss for something that should fall."""

LOOKS = 64
"""The most places of a record at which it is looked whether a sign held already."""


def signs_of(record: Record, since: dict[str, int]) -> dict[str, Numbers]:
    """The numbers of each sign that a record shows, with the `step` at which it was first so.

    Args:
        record: all that was seen.
        since: these steps by code, as far as they are known; new ones are added.
    """
    found = {code: numbers for code, sign in SIGNS.items() if (numbers := sign(record)) is not None}
    if constant_inputs(record):  # whatever else is seen follows from that
        found = {code: numbers for code, numbers in found.items() if code == "no_signal"}
    if record.maximizes and "ascent" not in found:  # what rises is meant to
        found = {code: numbers for code, numbers in found.items() if code not in BY_COURSE}
    for code, numbers in found.items():
        if "step" not in numbers:
            if code not in since:
                since[code] = _first_step(SIGNS[code], record)
            numbers["step"] = since[code]
    return found


def settle(record: Record) -> None:
    """Thin the losses of a long training, once it is noted what single ones of them tell."""
    for name, event in EVENTS.items():
        found, known = event(record), record.events.get(name)
        if found is not None and (known is None or (name == "spike" and found["high"] > known["high"])):
            record.events[name] = found
    record.losses.fold()


def _first_step(sign: Callable[[Record], Numbers | None], record: Record) -> int:
    """The first observed step after which the record showed a sign; in a long one every so many are tried."""
    seen = [tick.step for tick in record.ticks]
    tried = sorted(
        {
            *seen[:: max(1, len(seen) // LOOKS)],
            *(window - 1 for window in steps.WINDOWS),
            TRAINING.slow_steps - 1,
            TRAINING.stuck_steps - 1,
        }
    )
    for step in tried:
        if step < record.steps and sign(record.until(step)) is not None:
            return int(step)
    return record.steps - 1
