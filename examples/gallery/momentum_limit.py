"""Learning rate and momentum on a quadratic: the limit that theory gives is where the runs diverge.

二次函数上的学习率与动量：理论给出的稳定上限（虚线）正是实验开始发散的地方。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.style import save
from steepest.figures.sweeps import draw_sweep

over = {"lr": (0.01, 3.0), "momentum": (0.0, 0.99)}
sweep = steepest.map_sweep("momentum", "ravine", over, steps=150, size=160)
title = Text("Momentum on 0.1x² + 2y²", "0.1x² + 2y² 上的动量法")
save(draw_sweep(sweep, title=title), "momentum_limit.png")
