"""A race along Rosenbrock's bent valley: finding it is easy, following its floor is not.

沿 Rosenbrock 香蕉谷的赛跑：找到谷容易，沿着谷底走到头难。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.animations import animate

rates = {"sgd": 0.001, "momentum": 0.001, "rmsprop": 0.01, "adam": 0.1}
paths = [steepest.trace(rule, "rosenbrock", lr=lr, steps=150) for rule, lr in rates.items()]
title = Text("A race along Rosenbrock's valley", "沿 Rosenbrock 谷的赛跑")
animate(paths, "rosenbrock.gif", frames=45, title=title)
