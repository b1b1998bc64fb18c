"""One run: a session of a problem, trained by one rule from one seed; and the time of its steps."""

from .curve import Point
from .grid import EVALUATIONS, FINER
from .loop import Run, train
from .parts import StepParts, step_parts
from .showing import Shown, pictures
from .timing import StepTimes, step_times

__all__ = [
    "EVALUATIONS", "FINER", "Point", "Run", "Shown", "StepParts", "StepTimes", "pictures", "step_parts", "step_times",
    "train",
]  # fmt: skip
