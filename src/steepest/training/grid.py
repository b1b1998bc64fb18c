"""The grid of steps at which every run is measured."""

__all__ = ["EVALUATIONS", "FINER", "grid"]

EVALUATIONS = 50
"""Evenly spaced measurements of a run: steps to target are known to within a fiftieth of the run, or better."""

FINER = 0.1
"""Early in a run, where a fiftieth of it is a large share of the steps made so far: spacing as a share of them."""


def grid(steps: int) -> list[int]:
    """The steps at which a run is measured: evenly spaced, the last one included, and more closely at the beginning.

    Steps to target are compared by their ratios. So a run is measured at every step at first, then each time that the
    steps made have grown by a tenth, until the even spacing is finer than that.

    >>> grid(3), grid(1000)[:12], grid(1000)[-3:]
    ([1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [960, 980, 1000])
    """
    count = min(EVALUATIONS, steps)
    even = {round(steps * (i + 1) / count) for i in range(count)}
    early, step = set(), 1
    while step < steps and step * FINER < steps / count:
        early.add(step)
        step = max(step + 1, round(step * (1 + FINER)))
    return sorted(even | early)
