"""The guided tour: the lecture's rows 2 to 16, each as a state of the page with what there is to see in it.

Where a common explanation is wrong, the station corrects it.
"""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text

__all__ = ["AIRFOIL", "TOUR", "Station", "tour_as_data"]


@dataclass(frozen=True)
class Station:
    """A stop of the tour.

    Attributes:
        id: its name.
        row: of the lecture.
        title, sentence: what it is about, and what there is to see.
        landscape: a name, or a formula.
        rules: names with the settings that are not defaults.
        steps: updates.
        more: other parts of the page's state.
    """

    id: str
    row: int
    title: Text
    sentence: Text
    landscape: str
    rules: tuple[tuple[str, dict[str, Any]], ...]
    steps: int
    more: dict[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        """The page's state, as a link holds it."""
        formula = "*" in self.landscape
        return {
            "landscape": {"formula": self.landscape} if formula else self.landscape,
            "rules": [{"id": name, "settings": settings} for name, settings in self.rules],
            "steps": self.steps,
            **self.more,
        }


def tour_as_data() -> list[dict[str, Any]]:
    """The stations for the page, a sentence as an array of its two languages."""
    return [{name: getattr(station, name) for name in ("id", "row", "title", "sentence", "state")} for station in TOUR]


def _station(
    row: int,
    name: str,
    title: tuple[str, str],
    sentence: tuple[str, str],
    landscape: str,
    *rules: tuple[str, dict[str, Any]],
    steps: int,
    **more: Any,
) -> Station:
    return Station(name, row, Text(*title), Text(*sentence), landscape, rules, steps, more)


AIRFOIL = "1.04925*x**2 + 0.08685*y**2"
"""The loss of the regression on the airfoil data along its steepest and flattest direction."""

LECTURES_EPS = {"eps": 1e-6, "eps_inside_sqrt": True}

TOUR = (
    _station(
        2, "local-minimum", ("Local and global minimum", "局部极小与全局极小"),
        (
            "Started on the left of x cos(πx), descent stops in the local minimum at −0.274; the global one at 1.09 lies 0.868 lower, and it never sees it. Drag the start to 0.35 and it gets there.",
            "从 x cos(πx) 的左边出发，下降停在局部极小点 −0.274；1.09 处的全局极小点还要低 0.868，它却看不到。把起点拖到 0.35，就能到达那里。",
        ),
        "two_minima", ("sgd", {"lr": 0.05}), steps=60,
    ),
    _station(
        2, "noise-escapes", ("Noise kicks it out", "噪声把它踢出去"),
        (
            "The same start with noise on every gradient, as mini-batches have, and a learning rate that falls to 0: the noise carries it over the hill, and it settles near the global minimum. Other seeds end elsewhere: noise helps, but promises nothing.",
            "同样的起点，但像小批量那样给每个梯度加上噪声，并让学习率逐渐降到 0：噪声把它带过山头，最后停在全局极小点附近。换一个种子，结局可能不同：噪声有帮助，但不保证成功。",
        ),
        "two_minima", ("sgd", {"lr": 0.05}), steps=100, noise=8, seed=5, schedule={"id": "cosine"},
    ),
    _station(
        3, "saddle", ("Saddle point", "鞍点"),
        (
            "On x² − y² the gradient vanishes at (0, 0), which is no minimum: descent heads for it, lingers, and leaves along y, each step 1.2 times as far off as the one before.",
            "x² − y² 在 (0, 0) 处梯度为零，但那里不是极小点：下降先朝它走去，在附近徘徊，再沿 y 方向离开，每一步偏离的距离是上一步的 1.2 倍。",
        ),
        "saddle", ("sgd", {"lr": 0.1}), steps=26, view={"mode": "surface"},
    ),
    _station(
        3, "inflection", ("Flat without a minimum", "平而非极小"),
        (
            "On x³ descent from 1 stalls at 0, where the slope vanishes: after 60 steps it is still at 0.05, although every x below 0 would be lower.",
            "在 x³ 上从 1 出发，下降停滞在 0 附近，那里斜率为零：60 步之后还在 0.05，尽管 0 左边的每一点都更低。",
        ),
        "cubic", ("sgd", {"lr": 0.1}), steps=60,
    ),
    _station(
        4, "vanishing", ("Vanishing gradient", "梯度消失"),
        (
            "At x = 4 the slope of tanh is only 0.0013: with learning rate 0.1, a hundred steps of SGD move x by 0.014. Adam divides the gradient by its size: its steps are 0.1 long at first, and it walks down.",
            "在 x = 4 处 tanh 的斜率只有 0.0013：学习率 0.1 时，SGD 走一百步只移动 0.014。Adam 把梯度除以它自身的大小：最初每步长 0.1，一路走了下去。",
        ),
        "tanh", ("sgd", {"lr": 0.1}), ("adam", {"lr": 0.1}), steps=100,
    ),
    _station(
        5, "descent", ("Gradient descent", "梯度下降"),
        (
            "On x² with learning rate 0.2 each step leaves 60 % of x: 10 · 0.6¹⁰ = 0.06 after ten steps.",
            "在 x² 上用学习率 0.2，每一步留下 x 的 60 %：十步之后是 10 · 0.6¹⁰ = 0.06。",
        ),
        "parabola", ("sgd", {"lr": 0.2}), steps=10,
    ),
    _station(
        6, "learning-rate", ("The learning rate", "学习率"),
        (
            "Too small (0.05): still at 3.49 after ten steps. Right (0.2). Too large (1.1): above the limit 2/λ = 1, so each step multiplies x by −1.2 and it diverges.",
            "太小（0.05）：十步之后还在 3.49。合适（0.2）。太大（1.1）：超过上限 2/λ = 1，每一步把 x 乘以 −1.2，于是发散。",
        ),
        "parabola", ("sgd", {"lr": 0.05}), ("sgd", {"lr": 0.2}), ("sgd", {"lr": 1.1}), steps=10,
    ),
    _station(
        7, "leap", ("A large learning rate on a wavy line", "波浪上的大学习率"),
        (
            "On x cos(0.15πx) from 10, learning rate 2 leaps over the good minimum at 7.27 in the first step and ends at −1.528166, near a poor one.",
            "在 x cos(0.15πx) 上从 10 出发，学习率 2 第一步就越过 7.27 处的好极小点，最后到了 −1.528166，在一个差的极小点附近。",
        ),
        "wavy", ("sgd", {"lr": 2}), steps=10,
    ),
    _station(
        8, "two-variables", ("Two variables", "两个变量"),
        (
            "On x² + 2y² from (−5, −2) with learning rate 0.1: after 20 steps (−0.057646, −0.000073). Every step stands at a right angle to the contour line that it starts on.",
            "在 x² + 2y² 上从 (−5, −2) 出发，学习率 0.1：20 步之后到达 (−0.057646, −0.000073)。每一步都与它出发处的等高线垂直。",
        ),
        "bowl", ("sgd", {"lr": 0.1}), steps=20,
    ),
    _station(
        9, "stochastic", ("Stochastic gradient descent", "随机梯度下降"),
        (
            "The same with noise N(0, 1) on each coordinate of the gradient: right on average, but at a constant learning rate it never settles. Around the minimum x keeps a standard deviation of 0.167 and y of 0.125.",
            "同样的设置，但梯度的每个坐标都加上噪声 N(0, 1)：平均起来方向是对的，可是学习率恒定时它永远停不下来。在极小点周围，x 的标准差保持在 0.167，y 的保持在 0.125。",
        ),
        "bowl", ("sgd", {"lr": 0.1}), steps=100, noise=1,
    ),
    _station(
        9, "exponential", ("Decay too fast: exponential", "衰减太快：指数"),
        (
            "Learning rate 0.1 e^(−0.1t): all rates together add up to only 1.05, so even without noise it would stop at x = −0.54. The first step already takes factor 1; schedules that are stepped after an epoch run one epoch late.",
            "学习率 0.1 e^(−0.1t)：所有步的学习率加起来只有 1.05，即使没有噪声也会停在 x = −0.54。这里第一步的系数就是 1；在一轮结束后才更新的调度会晚一轮。",
        ),
        "bowl", ("sgd", {"lr": 0.1}), steps=100, noise=1, schedule={"id": "exponential", "rate": 0.1},
    ),
    _station(
        9, "inverse-root", ("Decay just right: 1/√t", "衰减得当：1/√t"),
        (
            "Learning rate 0.1 (1 + 0.1t)^(−1/2): slow enough to arrive, fast enough to let the noise die down. Without noise it would be within 0.001 of the minimum.",
            "学习率 0.1 (1 + 0.1t)^(−1/2)：慢到足以到达，又快到足以让噪声平息。没有噪声时，它离极小点不到 0.001。",
        ),
        "bowl", ("sgd", {"lr": 0.1}), steps=100, noise=1, schedule={"id": "inverse_sqrt", "rate": 0.1},
    ),
    _station(
        10, "full-batch", ("Full batch on real data", "真实数据上的全批量"),
        (
            "The regression on the airfoil data along its steepest (x) and flattest (y) direction, curvatures 2.0985 and 0.1737. Full-batch descent with learning rate 1 is often said to stall; it diverges, for the limit is 2/λ = 0.953. With 0.9 it converges.",
            "机翼数据上的线性回归，沿最陡（x）与最平（y）的方向，曲率为 2.0985 与 0.1737。常有人说学习率 1 的全批量下降会停滞；其实它发散，因为上限是 2/λ = 0.953。用 0.9 就收敛。",
        ),
        AIRFOIL, ("sgd", {"lr": 1}), ("sgd", {"lr": 0.9}), steps=100,
        start=[1, -4], view={"window": [[-5, 5], [-5, 5]]},
    ),
    _station(
        10, "mini-batch", ("Mini-batches", "小批量"),
        (
            "The same with noise, as of a mini-batch: a batch B times as large costs B times as much and divides the noise only by √B. Slide σ from 1 to 0.3 and to 0.1, as batches of 1, 10 and 100 would.",
            "同样的问题，加上小批量那样的噪声：批大小变为 B 倍，代价也变为 B 倍，噪声却只除以 √B。把 σ 从 1 拖到 0.3 再到 0.1，就像批大小为 1、10 和 100。",
        ),
        AIRFOIL, ("sgd", {"lr": 0.1}), steps=200, noise=1, start=[1, -4],
    ),
    _station(
        11, "momentum", ("Momentum", "动量"),
        (
            "v = μv + g adds up past gradients: a gradient that keeps its direction counts 1/(1 − μ) times, twice at μ = 0.5; one that alternates cancels. At the same learning rate 0.4 momentum is far ahead along x: at −0.06 after 20 steps, where SGD is still at −0.94. At μ = 0.9 half of a gradient's weight is gone after 6.6 steps, not 10.",
            "v = μv + g 把过去的梯度累加起来：方向不变的梯度相当于 1/(1 − μ) 倍，μ = 0.5 时是 2 倍；来回交替的则相互抵消。学习率同为 0.4，动量沿 x 遥遥领先：20 步后到 −0.06，而 SGD 还在 −0.94。μ = 0.9 时，一个梯度的权重过 6.6 步就减半，而不是 10 步。",
        ),
        "ravine", ("sgd", {"lr": 0.4}), ("momentum", {"lr": 0.4, "momentum": 0.5}), steps=20,
    ),
    _station(
        12, "ill-conditioned", ("Ill-conditioning", "病态条件"),
        (
            "On 0.1x² + 2y² learning rate 0.4 is slow along x, 0.6 is above the limit 0.5 along y and diverges; momentum 0.25 raises the limit to 2(1 + μ)/λ = 0.625, and 0.6 ends at (−0.126340, −0.186632).",
            "在 0.1x² + 2y² 上，学习率 0.4 沿 x 太慢，0.6 超过沿 y 的上限 0.5 而发散；动量 0.25 把上限提高到 2(1 + μ)/λ = 0.625，于是 0.6 最后到达 (−0.126340, −0.186632)。",
        ),
        "ravine", ("sgd", {"lr": 0.4}), ("sgd", {"lr": 0.6}), ("momentum", {"lr": 0.6, "momentum": 0.25}), steps=20,
    ),
    _station(
        13, "sparse", ("Rare features", "稀疏特征"),
        (
            "The slope along y is a hundredth of that along x, as for a feature that is rarely seen. One rate for both leaves y behind: SGD still has y = −2.47 after 60 steps. AdaGrad divides by what each coordinate has seen, so x and y take exactly the same steps.",
            "沿 y 的斜率只有沿 x 的百分之一，就像一个很少出现的特征。两个坐标共用一个学习率，y 就被落下：60 步之后 SGD 的 y 还在 −2.47。AdaGrad 除以每个坐标见过的梯度，于是 x 与 y 的步子完全相同。",
        ),
        "x**2 + 0.01*y**2", ("sgd", {"lr": 0.4}), ("adagrad", {"lr": 1}), steps=60, start=[-4, -4],
    ),
    _station(
        14, "adagrad", ("AdaGrad", "AdaGrad"),
        (
            "The sum of squared gradients only grows, so the steps shrink: with learning rate 0.4 it is still at x = −2.38 after 20 steps, with 2 it arrives. Here ε = 10⁻⁶ stands inside the root, as in the lecture; torch has it outside, which gives other numbers.",
            "梯度平方的累加和只增不减，步子越来越小：学习率 0.4 时，20 步之后还在 x = −2.38；学习率 2 就能到达。这里 ε = 10⁻⁶ 放在根号内，与讲义一致；torch 放在根号外，得到的数不同。",
        ),
        "ravine", ("adagrad", {"lr": 0.4, **LECTURES_EPS}), ("adagrad", {"lr": 2, **LECTURES_EPS}), steps=20,
    ),
    _station(
        15, "rmsprop", ("RMSProp", "RMSProp"),
        (
            "A leaky average instead of a sum: the scale forgets, and the steps no longer shrink. With learning rate 0.4 and α = 0.9 it is close to the minimum within 20 steps, where AdaGrad is still on its way.",
            "用滑动平均代替累加和：尺度会遗忘，步子不再越来越小。学习率 0.4、α = 0.9 时，20 步之内就接近极小点，而 AdaGrad 还在路上。",
        ),
        "ravine", ("rmsprop", {"lr": 0.4, "alpha": 0.9, **LECTURES_EPS}), ("adagrad", {"lr": 0.4, **LECTURES_EPS}), steps=20,
    ),
    _station(
        15, "rmsprop-cycle", ("RMSProp does not settle", "RMSProp 停不下来"),
        (
            "At a constant learning rate RMSProp does not converge: near the minimum the gradient shrinks and the scale with it, and it ends in a cycle of about half the learning rate, ±0.2, to each side.",
            "学习率恒定时 RMSProp 并不收敛：靠近极小点时梯度变小，尺度也随之变小，最后在两侧约半个学习率（±0.2）处来回循环。",
        ),
        "parabola", ("rmsprop", {"lr": 0.4, "alpha": 0.9}), steps=200,
    ),
    _station(
        16, "adam", ("Adam", "Adam"),
        (
            "Momentum and a scale for each coordinate, both corrected for starting at zero, so that the first step is one learning rate long in each coordinate. The lecture's code has β₂ = 0.999, its text 0.99 or 0.98: the paths differ. ε = 10⁻⁶ stands outside the root.",
            "动量加上每个坐标自己的尺度，两者都对从零开始作了修正，所以第一步在每个坐标上恰好走一个学习率。讲义的代码用 β₂ = 0.999，正文写 0.99 或 0.98：路径并不相同。ε = 10⁻⁶ 放在根号外。",
        ),
        "ravine", ("adam", {"lr": 0.4, "eps": 1e-6}), ("adam", {"lr": 0.4, "betas": [0.9, 0.98], "eps": 1e-6}), steps=60,
    ),
)  # fmt: skip
