"""A landscape: a formula with its facts."""

from steepest.base.text import Text
from steepest.landscapes import landscape


@landscape(
    window=((-4.0, 4.0), (-4.0, 4.0)), start=(3.0, 2.0), minima=((0.0, 0.0),), minimum=0.0, source="an example",
    title=Text("Crater", "火山口"), zh="火山口：离中心越远，一个方向上的梯度越小。",
)  # fmt: skip
def crater(x, y):
    """A crater whose walls get flatter along one axis the farther away the start is."""
    return x**2 / (1 + x**2) + y**2 / 8
