"""The landscapes of the lecture, in its order: quadratics, two minima, a saddle, a flat part."""

from typing import Any

from ..ops import cos, pi
from ..ops import tanh as hyperbolic_tangent
from .base import landscape

LECTURE = "lecture on optimization in deep learning"


@landscape(
    window=((-10.0, 10.0),), start=(10.0,), minima=((0.0,),), minimum=0.0, source=LECTURE,
    zh="抛物线 x²：学习率太小、合适、太大时各是什么样子。",
)  # fmt: skip
def parabola(x: Any) -> Any:
    """Parabola x²: what a learning rate too small, right and too large looks like."""
    return x**2


@landscape(
    window=((-1.0, 2.0),), start=(-0.9,), source=LECTURE,
    minima=((1.0904082219467213,),), minimum=-1.0467211246605712, local_minima=((-0.27385268680085095,),),
    zh="两个极小值 x cos(pi x)：从左边出发的下降会停在局部极小值，到不了更深的全局极小值。",
)  # fmt: skip
def two_minima(x: Any) -> Any:
    """Two minima of x cos(pi x): descent from the left stops in the local one and never sees the deeper global one."""
    return x * cos(pi * x)


@landscape(
    window=((-10.0, 10.0),), start=(10.0,), source=LECTURE,
    minima=((7.269388146311475,),), minimum=-6.9781408310704744, local_minima=((-1.8256845786723395,),),
    zh="波浪 x cos(0.15 pi x)：学习率太大时会跳过旁边的好极小值，停进一个差的。",
)  # fmt: skip
def wavy(x: Any) -> Any:
    """Wavy x cos(0.15 pi x): a large learning rate leaps over the good minimum next door into a poor one."""
    return x * cos(0.15 * pi * x)


@landscape(
    window=((-2.0, 2.0),), start=(1.0,), saddles=((0.0,),), source=LECTURE,
    zh="三次曲线 x³：在 0 处梯度消失，下降停在那里，而它并不是极小值。",
)  # fmt: skip
def cubic(x: Any) -> Any:
    """Cubic x³: the gradient vanishes at 0 and descent stalls there, though it is no minimum."""
    return x**3


@landscape(
    window=((-1.0, 1.0), (-1.0, 1.0)), start=(-0.9, 0.01), saddles=((0.0, 0.0),), source=LECTURE,
    zh="鞍面 x² - y²：沿一个方向是极小、沿另一个方向是极大；下降先在鞍点附近变慢，然后才离开。",
)  # fmt: skip
def saddle(x: Any, y: Any) -> Any:
    """Saddle x² - y²: a minimum along one axis and a maximum along the other, where descent lingers, then leaves."""
    return x**2 - y**2


@landscape(
    window=((-2.0, 5.0),), start=(4.0,), source=LECTURE,
    zh="双曲正切 tanh(x)：平坦的右端梯度几乎消失，下降从那里出发，很久都走不动。",
)  # fmt: skip
def tanh(x: Any) -> Any:
    """Hyperbolic tangent: on its flat right end the gradient has all but vanished, and descent hardly moves."""
    return hyperbolic_tangent(x)


@landscape(
    window=((-10.0, 10.0), (-5.0, 5.0)), start=(-5.0, -2.0), minima=((0.0, 0.0),), minimum=0.0, source=LECTURE,
    zh="碗 x² + 2y²：两个方向的陡峭程度相近，下降几乎直奔碗底。",
)  # fmt: skip
def bowl(x: Any, y: Any) -> Any:
    """Bowl x² + 2y²: two directions of nearly the same curvature, so descent goes almost straight to the bottom."""
    return x**2 + 2 * y**2


@landscape(
    window=((-10.0, 10.0), (-5.0, 5.0)), start=(-5.0, -2.0), minima=((0.0, 0.0),), minimum=0.0, source=LECTURE,
    zh="狭谷 0.1x² + 2y²：一个方向的曲率是另一个的 20 倍，对陡方向安全的学习率，在平的方向上走得很慢。",
)  # fmt: skip
def ravine(x: Any, y: Any) -> Any:
    """Ravine 0.1x² + 2y²: one direction curves 20 times as much, so any rate safe for it is slow along the other."""
    return 0.1 * x**2 + 2 * y**2


LANDSCAPES = (parabola, two_minima, wavy, cubic, saddle, tanh, bowl, ravine)
