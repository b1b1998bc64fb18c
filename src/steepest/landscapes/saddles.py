"""Landscapes with saddles, beyond the lecture's: points where the gradient vanishes and descent slows down."""

from typing import Any

from .base import landscape


@landscape(
    window=((-2.0, 2.0), (-1.5, 1.5)), start=(0.01, 1.2),
    minima=((-1.0, 0.0), (1.0, 0.0)), minimum=-0.25, saddles=((0.0, 0.0),),
    source="Strogatz 1994, Nonlinear Dynamics and Chaos (the potential x⁴/4 - x²/2), with y²/2 added",
    zh="双阱：下降先走向两个谷底之间的鞍点，在那里停留，最后滑进其中一个谷底。",
)  # fmt: skip
def double_well(x: Any, y: Any) -> Any:
    """Double well: descent heads for the saddle between two valleys, lingers there, then slides into one of them."""
    return x**4 / 4 - x**2 / 2 + y**2 / 2


@landscape(
    window=((-1.5, 1.5), (-1.5, 1.5)), start=(1.0, 0.05), saddles=((0.0, 0.0),),
    source="Hilbert and Cohn-Vossen 1932, Anschauliche Geometrie",
    zh="猴鞍：有三条下坡路的鞍点，连曲率在那里也为零，离开它比离开普通鞍点更慢。",
)  # fmt: skip
def monkey_saddle(x: Any, y: Any) -> Any:
    """Monkey saddle: three ways down and no curvature at the centre, so leaving it takes longer than a plain saddle."""
    return x**3 - 3 * x * y**2


LANDSCAPES = (double_well, monkey_saddle)
