"""One run: a session of a problem, trained by one rule from one seed; and the time of its steps."""

from .curve import Point
from .grid import EVALUATIONS
from .loop import Run, train
from .timing import step_times

__all__ = ["EVALUATIONS", "Point", "Run", "step_times", "train"]
