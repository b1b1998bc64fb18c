"""The grid of steps at which every run is measured."""

__all__ = ["EVALUATIONS", "grid"]

EVALUATIONS = 50
"""How often a run is measured; steps to target are known to within a fiftieth of the run."""


def grid(steps: int) -> list[int]:
    """The steps at which a run is measured: evenly spaced, the last one included.

    >>> grid(3), grid(100)[:3], grid(100)[-1]
    ([1, 2, 3], [2, 4, 6], 100)
    """
    count = min(EVALUATIONS, steps)
    return [round(steps * (i + 1) / count) for i in range(count)]
