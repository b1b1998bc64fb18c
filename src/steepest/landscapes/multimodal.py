"""Landscapes with many minima: the start, the step size and noise decide in which of them descent ends."""

from typing import Any

from ..base.text import Text
from ..ops import cos, e, exp, pi, sin, sqrt
from .base import landscape

# --- few minima, all of them listed -----------------------------------------------------------------------------------


@landscape(
    window=((-5.0, 5.0), (-5.0, 5.0)), start=(-0.3, -0.9), minimum=0.0,
    minima=(
        (3.0, 2.0), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.2831859912861696),
        (3.584428340330492, -1.8481265269644036),
    ),
    saddles=(
        (3.385154183607021, 0.07385187983774928), (0.08667750455539636, 2.884254701174776),
        (-3.0730257507643897, -0.08135304428796751), (-0.12796134673068008, -1.9537149802445763),
    ),
    source="Himmelblau 1972, Applied Nonlinear Programming",
    zh="Himmelblau 函数：四个一样深的谷围着一座小山；从山顶附近出发，起点只差一点就会落进不同的谷。",
)  # fmt: skip
def himmelblau(x: Any, y: Any) -> Any:
    """Himmelblau's four equal valleys around a hill: near its top, a small change of start decides which is reached."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


_DEEP, _TOP, _SHALLOW = -2.903534027771177, 0.1567312567803401, 2.746802770990837  # roots of 4x^3 - 32x + 5


@landscape(
    title=Text("Styblinski and Tang", "Styblinski-Tang 函数"),
    window=((-5.0, 5.0), (-5.0, 5.0)), start=(0.5, 1.0), minima=((_DEEP, _DEEP),), minimum=-78.33233140754282,
    local_minima=((_DEEP, _SHALLOW), (_SHALLOW, _DEEP), (_SHALLOW, _SHALLOW)),
    saddles=((_DEEP, _TOP), (_TOP, _DEEP), (_SHALLOW, _TOP), (_TOP, _SHALLOW)),
    source="Styblinski and Tang 1990, Neural Networks 3, page 467",
    zh="Styblinski-Tang 函数：每个坐标各有一个深谷和一个浅谷，从中间偏右出发会落进最差的组合。",
)  # fmt: skip
def styblinski_tang(x: Any, y: Any) -> Any:
    """Styblinski and Tang's wells: each coordinate has a deep one and a shallow one; this start gets both shallow."""
    return (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2


@landscape(
    title=Text("Three-hump camel", "三驼峰函数"),
    window=((-2.5, 2.5), (-2.5, 2.5)), start=(2.0, 1.0), minima=((0.0, 0.0),), minimum=0.0, source="Branin 1972",
    local_minima=((1.7475523458302888, -0.8737761729151444), (-1.7475523458302888, 0.8737761729151444)),
    saddles=((1.07054229182366, -0.53527114591183), (-1.07054229182366, 0.53527114591183)),
    zh="三驼峰函数：从边上出发，小步会停在旁边的浅谷，大步能跨进中间的深谷。",
)  # fmt: skip
def three_hump_camel(x: Any, y: Any) -> Any:
    """Three-hump camel: from the side, small steps settle in a side valley, long ones reach the deep middle."""
    return 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2


@landscape(
    title=Text("Six-hump camel", "六驼峰函数"),
    window=((-2.0, 2.0), (-1.2, 1.2)), start=(1.9, 1.0), minimum=-1.0316284534898774,
    minima=((0.08984201310031806, -0.7126564030207396), (-0.08984201310031806, 0.7126564030207396)),
    local_minima=(
        (1.703606714969981, -0.7960835686726251), (-1.703606714969981, 0.7960835686726251),
        (1.6071047529201972, 0.5686514548841314), (-1.6071047529201972, -0.5686514548841314),
    ),
    saddles=(
        (0.0, 0.0),
        (1.1092053368047865, -0.7682680925095399), (-1.1092053368047865, 0.7682680925095399),
        (1.6380679841897785, 0.22867406904439408), (-1.6380679841897785, -0.22867406904439408),
        (1.2960702671671092, 0.6050843880386585), (-1.2960702671671092, -0.6050843880386585),
    ),
    source="Dixon and Szegö 1978, Towards Global Optimisation 2",
    zh="六驼峰函数：六个谷、三种深度；从最浅的谷旁边出发，只有足够大的步子才出得来。",
)  # fmt: skip
def six_hump_camel(x: Any, y: Any) -> Any:
    """Six-hump camel: six valleys of three depths, where only long steps leave the shallowest for a deep one."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2


@landscape(
    window=((-5.0, 10.0), (0.0, 15.0)), start=(-4.0, 4.0), minimum=10 / (8 * pi),
    minima=((-pi, 12.275), (pi, 2.275), (3 * pi, 2.475)), saddles=((0.0, 6.0), (2 * pi, 1.1)),
    source="Branin 1972, IBM Journal of Research and Development 16, page 504",
    zh="Branin 函数：一条弯谷里有三个一样深的极小值；学习率加倍，到达的就是另一个。",
)  # fmt: skip
def branin(x: Any, y: Any) -> Any:
    """Branin's curved valley with three equal minima: doubling the learning rate changes which of them is reached."""
    return (y - 5.1 / (4 * pi**2) * x**2 + 5 / pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10


# --- so many that only the global one is listed -----------------------------------------------------------------------


@landscape(
    window=((-5.12, 5.12), (-5.12, 5.12)), start=(-3.4, 2.7), minima=((0.0, 0.0),), minimum=0.0,
    source="Rastrigin 1974, Systems of Extremal Control",
    zh="Rastrigin 函数：大碗里排满规则的小坑，下降陷在第一个坑里。",
)  # fmt: skip
def rastrigin(x: Any, y: Any) -> Any:
    """Rastrigin's egg box: a bowl covered with regular pits, and descent is caught in the first."""
    return 20 + x**2 - 10 * cos(2 * pi * x) + y**2 - 10 * cos(2 * pi * y)


@landscape(
    window=((-5.0, 5.0), (-5.0, 5.0)), start=(-3.5, 2.5), minima=((0.0, 0.0),), minimum=0.0,
    source="Ackley 1987, A Connectionist Machine for Genetic Hillclimbing",
    zh="Ackley 函数：布满小坑的平原中间有一个尖底漏斗，步子够大才跨得过小坑（尖底处没有梯度）。",
)  # fmt: skip
def ackley(x: Any, y: Any) -> Any:
    """Ackley's pitted funnel: only steps longer than the pits find its tip, where there is no gradient."""
    return -20 * exp(-0.2 * sqrt((x**2 + y**2) / 2)) - exp((cos(2 * pi * x) + cos(2 * pi * y)) / 2) + e + 20


@landscape(
    window=((-10.0, 10.0), (-10.0, 10.0)), start=(-7.0, 6.0), minima=((0.0, 0.0),), minimum=0.0,
    source="Griewank 1981, Journal of Optimization Theory and Applications 34, page 11",
    zh="Griewank 函数：很浅的大碗上叠着波浪，从远处看是碗，走近了满是几乎一样深的坑。",
)  # fmt: skip
def griewank(x: Any, y: Any) -> Any:
    """Griewank's waves on a shallow bowl: a bowl from afar, but up close a field of pits of nearly equal depth."""
    return (x**2 + y**2) / 4000 - cos(x) * cos(y / sqrt(2)) + 1


@landscape(
    window=((-10.0, 10.0), (-10.0, 10.0)), start=(-7.0, 5.0), minima=((1.0, 1.0),), minimum=0.0,
    source="Levy and Montalvo 1985; this form: Laguna and Marti 2005",
    zh="Levy 函数：一道道平行的山脊挡在通往谷底的路上，下降停在脊间的沟里。",
)  # fmt: skip
def levy(x: Any, y: Any) -> Any:
    """Levy's ridges: parallel walls bar the way to the bottom, and descent stops in a groove between two."""
    u, v = 1 + (x - 1) / 4, 1 + (y - 1) / 4
    across = (u - 1) ** 2 * (1 + 10 * sin(pi * u + 1) ** 2)
    return sin(pi * u) ** 2 + across + (v - 1) ** 2 * (1 + sin(2 * pi * v) ** 2)


@landscape(
    window=((-2.0, 8.0), (-2.0, 8.0)), start=(0.5, 0.5), minima=((pi, pi),), minimum=-1.0,
    source="Easom 1990, A Survey of Global Optimization Techniques",
    zh="Easom 函数：平原上的一口深井，远处的梯度几乎为零，下降找不到它。",
)  # fmt: skip
def easom(x: Any, y: Any) -> Any:
    """Easom's well in a plain: away from it the gradient is all but zero, and descent never finds it."""
    return -cos(x) * cos(y) * exp(-((x - pi) ** 2) - (y - pi) ** 2)


LANDSCAPES = (
    himmelblau, styblinski_tang, three_hump_camel, six_hump_camel, branin,
    rastrigin, ackley, griewank, levy, easom,
)  # fmt: skip
