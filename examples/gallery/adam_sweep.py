"""Adam's learning rate and beta1 on Rosenbrock's valley: a ridge of good pairs, and noise where the rate is too large.

Adam 的学习率与 beta1（Rosenbrock 香蕉谷）：好的组合连成一条带，学习率过大处是一片混乱。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.style import save
from steepest.figures.sweeps import draw_sweep

over = {"lr": (1e-3, 2.0), "betas.0": (0.0, 0.99)}
sweep = steepest.map_sweep("adam", "rosenbrock", over, steps=500, size=160)
title = Text("Adam on Rosenbrock's valley, 500 steps", "Adam 在 Rosenbrock 谷中，500 步")
save(draw_sweep(sweep, title=title), "adam_sweep.png")
