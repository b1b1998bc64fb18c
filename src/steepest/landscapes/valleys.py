"""Landscapes with one valley, or nearly so: long, curved, oblique to the axes, or between steep walls."""

from typing import Any

from ..base.text import Text
from ..ops import pi, sin
from .base import landscape

SURVEY = "Jamil and Yang 2013, A literature survey of benchmark functions for global optimization problems"
"""The source of landscapes without a better known one."""


@landscape(
    window=((-2.0, 2.0), (-1.0, 3.0)), start=(-1.2, 1.0), minima=((1.0, 1.0),), minimum=0.0,
    source="Rosenbrock 1960, The Computer Journal 3, page 175",
    zh="Rosenbrock 香蕉谷：谷很容易找到，但沿着弯曲而几乎平坦的谷底走到头很难。",
)  # fmt: skip
def rosenbrock(x: Any, y: Any) -> Any:
    """Rosenbrock's banana valley: finding the valley is easy, following its bent and almost flat floor is not."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@landscape(
    window=((-4.5, 4.5), (-4.5, 4.5)), start=(1.0, 1.0), minima=((3.0, 0.5),), minimum=0.0,
    saddles=((0.0, 1.0), (0.10053793732415836, -2.644513585023125)),
    source="Beale 1958, On an iterative method for finding a local minimum of a function of more than one variable",
    zh="Beale 函数：中间平坦，四角是峭壁；同一个学习率在峭壁上太大，在平地上又太小。",
)  # fmt: skip
def beale(x: Any, y: Any) -> Any:
    """Beale's plain between walls: a learning rate small enough for the cliffs is far too small for the flat part."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@landscape(
    window=((-10.0, 10.0), (-10.0, 10.0)), start=(-8.0, 6.0), minima=((1.0, 3.0),), minimum=0.0, source=SURVEY,
    zh="Booth 函数：斜放的椭圆碗（条件数 9），长轴与坐标轴不平行，两个坐标互相牵制。",
)  # fmt: skip
def booth(x: Any, y: Any) -> Any:
    """Booth's slanted bowl: its long axis lies across the coordinates, with a condition number of 9."""
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


@landscape(
    window=((-10.0, 10.0), (-10.0, 10.0)), start=(-8.0, 6.0), minima=((0.0, 0.0),), minimum=0.0, source=SURVEY,
    zh="Matyas 函数：沿对角线的狭长浅谷（条件数 25），很快落到谷底，再慢慢爬向中心。",
)  # fmt: skip
def matyas(x: Any, y: Any) -> Any:
    """Matyas's diagonal trough: a quick drop to its floor, then a slow crawl along it (the condition number is 25)."""
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


@landscape(
    title=Text("McCormick", "McCormick 函数"),
    window=((-1.5, 4.0), (-3.0, 4.0)), start=(3.0, 3.5), source=SURVEY,
    minima=((0.5 - pi / 3, -0.5 - pi / 3),), minimum=-1.9132229549810364,
    local_minima=((0.5 + 2 * pi / 3, -0.5 + 2 * pi / 3),), saddles=((0.5 + pi / 3, -0.5 + pi / 3),),
    zh="McCormick 函数：一条逐级下降的长谷，下降停在高一级的台阶上（谷底在窗口外还会继续降低）。",
)  # fmt: skip
def mccormick(x: Any, y: Any) -> Any:
    """McCormick's staircase: a valley whose floor falls in steps, for ever beyond this window; descent rests on one."""
    return sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1


@landscape(
    title=Text("Goldstein and Price", "Goldstein-Price 函数"),
    window=((-2.0, 2.0), (-2.0, 2.0)), start=(-1.5, 0.5), minima=((0.0, -1.0),), minimum=3.0,
    local_minima=((-0.6, -0.4), (1.8, 0.2), (1.2, 0.8)),
    saddles=((-0.4, -0.6), (1.2, -0.2), (1.4, 0.6), (0.6, 0.4)),
    source="Goldstein and Price 1971, Mathematics of Computation 25, page 569",
    zh="Goldstein-Price 函数：交叉的山谷，数值从 3 到一百万，学习率必须极小，终点取决于进了哪条谷。",
)  # fmt: skip
def goldstein_price(x: Any, y: Any) -> Any:
    """Goldstein and Price's crossing valleys: values up to a million force tiny steps, and most valleys end high."""
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    second = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return first * second


LANDSCAPES = (rosenbrock, beale, booth, matyas, mccormick, goldstein_price)
