"""Programs as people write them, each with its own data, model and loop, kept before the doctor saw them."""

from ..parts import Program
from . import images, sequences, tables

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    name: program for module in (images, sequences, tables) for name, program in module.PROGRAMS.items()
}
