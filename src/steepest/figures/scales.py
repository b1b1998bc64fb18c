"""Colour scales of maps, linear or logarithmic: the position of a value on the scale, and its ticks."""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colors
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..base.numbers import general
from .style import translate

__all__ = ["GOOD_IS_BRIGHT", "PANEL", "Scale", "extremes", "final_scale", "name_of_final", "step_scale", "wrapped"]

Floats = NDArray[np.float64]

PANEL = 3.4
"""Width of a map's panel in inches."""

GOOD_IS_BRIGHT = "viridis_r"
"""Colours of values and steps: even in lightness, so that they survive colour-blindness and grey printing."""


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic scale from `low` to `high`.

    >>> Scale(1.0, 100.0, log=True).position(np.array([1.0, 10.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """

    low: float
    high: float
    log: bool

    def position(self, values: Floats) -> Floats:
        """The position of each value, 0 at `low` to 1 at `high`; values outside are clipped. Any shape."""
        low, high, inner = self.low, self.high, np.clip(values, self.low, self.high)
        if self.log:
            low, high, inner = np.log(low), np.log(high), np.log(inner)
        return np.asarray((inner - low) / (high - low))

    def norm(self) -> colors.Normalize:
        """The same scale for Matplotlib's colour bars."""
        return (colors.LogNorm if self.log else colors.Normalize)(self.low, self.high, clip=True)

    def ticks(self) -> Floats:
        """Round numbers on the scale, to be written beside it."""
        if not self.log:
            ticks = np.asarray(MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(self.low, self.high))
            return ticks[(self.low <= ticks) & (ticks <= self.high)]
        decades = np.arange(np.floor(np.log10(self.low)), np.ceil(np.log10(self.high)) + 1)
        every = max(1, len(decades) // 6)
        digits = (1.0,) if len(decades) > 3 else (1.0, 2.0, 5.0)
        ticks = np.outer(10.0 ** decades[::every], digits).ravel()
        return ticks[(self.low <= ticks) & (ticks <= self.high)]


def step_scale(arrived: NDArray[np.integer], steps: int) -> Scale:
    """The scale of steps to the minimum, for all rules together; logarithmic beyond a factor of 5.

    Args:
        arrived: step of arrival of each start; more than `steps` where it did not arrive.
        steps: length of the paths.
    """
    reached = arrived[arrived <= steps]
    if not reached.size:
        return Scale(1.0, max(2.0, float(steps)), True)
    low, high = (float(quantile) for quantile in np.quantile(reached, [0.005, 0.995]))
    low, high = max(low, 1.0), max(high, low + 1.0, 2.0)
    return Scale(low, high, high > 5 * low)


def final_scale(final: NDArray[np.floating[Any]], above: bool) -> Scale:
    """The scale of last values, for all rules together.

    Args:
        final: last values; NaN where the path escaped.
        above: whether they are heights above the minimum; then the scale is logarithmic beyond a factor of 100.
    """
    finite = final[np.isfinite(final)]
    if not finite.size:
        return Scale(0.0, 1.0, False)
    high = float(np.quantile(finite, 0.99))
    floor = max(float(np.quantile(finite, 0.01)), 1e-16 * max(high, 1e-300))  # below: only rounding
    if above and high > 100 * floor > 0:
        return Scale(floor, high, True)
    low = float(finite.min())
    return Scale(low, high if high > low else low + 1.0, False)


def name_of_final(above: bool) -> str:
    """The label of a scale of last values, in the language of the figure."""
    return translate("final value above the minimum" if above else "final value")


def extremes(values: NDArray[Any]) -> str:
    """The smallest and the largest value, for the label of a scale, whose colours leave out the outermost ones.

    >>> extremes(np.array([3.0, np.nan, 20.0]))
    ', 3 … 20'
    """
    finite = values[np.isfinite(values)]
    return f", {general(float(finite.min()), 3)} … {general(float(finite.max()), 3)}" if finite.size else ""


def wrapped(label: str, schedule: str = "") -> str:
    """A label, with the schedule of the learning rate if there is one, broken into lines that fit a panel."""
    return "\n".join(textwrap.wrap(label + f", schedule={schedule}" * bool(schedule), 44))
