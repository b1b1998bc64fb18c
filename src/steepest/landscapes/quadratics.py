"""The family of quadratic landscapes: bowls of any condition number, rotated by any angle."""

import math
from numbers import Real
from typing import Any

from ..base.errors import InvalidValue
from ..base.text import Text
from .base import Landscape

__all__ = ["quadratic"]


def quadratic(condition: float = 10.0, rotation: float = 0.0) -> Landscape:
    """The bowl (u² + condition v²) / 2, its axes u and v turned counter-clockwise.

    The start is rotated too, so gradient descent takes the same path at every angle, only rotated; a rule with a rate
    for each coordinate (AdaGrad, RMSProp, Adam) does not.

    Args:
        condition: the condition number: curvature along v, where that along u is 1; above 0.
        rotation: angle in degrees from the x axis to the u axis.

    Raises:
        InvalidValue: a setting is not a finite number, or the condition number not above 0.

    >>> quadratic(condition=100, rotation=90).name
    'quadratic(condition=100, rotation=90)'
    >>> quadratic(condition=100, rotation=90).hessian([0.0, 0.0])
    array([[100.,   0.],
           [  0.,   1.]])
    """
    if not (_is_finite(condition) and condition > 0):
        raise InvalidValue(f"quadratic: condition must be a finite number above 0, got {condition!r}")
    if not _is_finite(rotation):
        raise InvalidValue(f"quadratic: rotation must be a finite number of degrees, got {rotation!r}")
    angle = math.radians(rotation % 360)
    cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)  # a quarter turn gives an exact 0

    def formula(x: Any, y: Any) -> Any:
        u, v = cosine * x + sine * y, cosine * y - sine * x
        return (u**2 + condition * v**2) / 2

    stretch, turn = _plain(condition), _plain(rotation)
    usual = (condition, rotation) == (10, 0)
    turned = Text(", turned", "，旋转") if rotation else Text("", "")
    title = Text(f"Quadratic, condition {stretch}{turned.en}", f"二次型碗，条件数 {stretch}{turned.zh}")
    return Landscape(
        name="quadratic" if usual else f"quadratic(condition={stretch}, rotation={turn})",
        title=None if usual else title,
        formula=formula,
        window=((-6.0, 6.0), (-6.0, 6.0)),
        start=(-5 * cosine + 2 * sine, -5 * sine - 2 * cosine),
        minima=((0.0, 0.0),),
        minimum=0.0,
        source="Boyd and Vandenberghe 2004, Convex Optimization, section 9.3",
        about=Text(
            en=f"Quadratic bowl with curvatures 1 and {stretch}, turned by {turn} degrees: how the condition number"
            " slows descent, and which rules depend on the choice of axes.",
            zh=f"二次型碗，两个曲率为 1 和 {stretch}，旋转 {turn} 度：看条件数怎样拖慢下降，哪些算法依赖坐标轴的选取。",
        ),
    )


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: float) -> str:
    """The shortest text that reads back as the same number: 100, not 100.0."""
    return repr(float(value)).removesuffix(".0")
