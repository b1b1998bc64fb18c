"""A learning rate too small creeps, the right one arrives, one too large leaps to and fro, one beyond 1 diverges.

学习率太小则爬得慢，合适则很快到达，太大则在谷的两边来回跳，超过 1 就发散。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

paths = [steepest.trace("sgd", "parabola", lr=lr, steps=20) for lr in (0.03, 0.3, 0.95, 1.02)]
title = Text("Learning rates on x²: the stability limit is 2 / f″ = 1", "x² 上的学习率：稳定上限为 2 / f″ = 1")
save(draw_paths(paths, title=title), "learning_rates.svg")
