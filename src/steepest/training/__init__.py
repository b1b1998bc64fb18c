"""One run: a session of a problem, trained by one rule from one seed; and the time of its steps."""

from .curve import Point
from .grid import EVALUATIONS, FINER
from .loop import Run, train
from .parts import StepParts, step_parts
from .timing import StepTimes, step_times

__all__ = ["EVALUATIONS", "FINER", "Point", "Run", "StepParts", "StepTimes", "step_parts", "step_times", "train"]
