"""Small programs with one mistake each, and the same programs repaired: what the doctor is measured on."""

from . import (
    data,
    eighth,
    eleventh,
    fifth,
    fourth,
    initial,
    losses,
    ninth,
    numbers,
    second,
    seventh,
    sixth,
    steps,
    tenth,
    third,
    thirteenth,
    trained,
    twelfth,
    upkeep,
)
from .parts import Program

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    name: program
    for module in (trained, losses, data, initial, numbers, steps, upkeep, second, third, fourth)
    for name, program in module.PROGRAMS.items()
}
"""Every program by its name."""

for _module in (fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth, thirteenth):
    PROGRAMS.update({name + "_" * (name in PROGRAMS): program for name, program in _module.PROGRAMS.items()})
