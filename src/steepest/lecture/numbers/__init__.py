"""The numbers in the words of the stations, computed by steepest's own rules on the settings that the figure shows.

Each function belongs to the station of its name and returns the numbers of its fields: `paths.py` those of paths on
landscapes, `networks.py` those of networks. `tests/lecture` computes the same numbers by plain arithmetic, so that a
changed rule that changes a number fails.
"""

from . import networks, paths  # noqa: F401
from .registry import NUMBERS, Number

__all__ = ["NUMBERS", "Number"]
