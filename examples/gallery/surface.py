"""Five paths down Himmelblau's surface from the hill in its middle.

从中间的小山出发，沿 Himmelblau 曲面向下的五条路。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rates = {"sgd": 0.005, "momentum": 0.001, "adagrad": 0.5, "rmsprop": 0.05, "adam": 0.1}
paths = [steepest.trace(rule, "himmelblau", lr=lr, steps=80) for rule, lr in rates.items()]
title = Text("Down Himmelblau's surface", "沿 Himmelblau 曲面而下")
save(draw_paths(paths, surface=True, title=title), "surface.png")
