"""One run: a workload trained by one rule from one seed."""

from .loop import EVALUATIONS, Point, Run, gradient_noise, step_times, train

__all__ = ["EVALUATIONS", "Point", "Run", "gradient_noise", "step_times", "train"]
