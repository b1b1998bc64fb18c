"""One run: a session of a problem, trained by one rule from one seed; and the time of its steps."""

from .grid import EVALUATIONS
from .loop import Point, Run, train
from .timing import step_times

__all__ = ["EVALUATIONS", "Point", "Run", "step_times", "train"]
