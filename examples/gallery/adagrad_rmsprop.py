"""AdaGrad sums all squared gradients, so its steps only ever shrink; RMSProp forgets, and keeps its pace.

AdaGrad 累加全部梯度平方，步子只会越来越小；RMSProp 会遗忘旧的梯度，因而保持速度。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rules = ["adagrad(lr=0.1)", "rmsprop(lr=0.1)"]
paths = [steepest.trace(rule, "ravine", start=(-9.0, 4.0), steps=150) for rule in rules]
title = Text("AdaGrad stalls, RMSProp does not", "AdaGrad 停滞，RMSProp 不会")
save(draw_paths(paths, title=title), "adagrad_rmsprop.png")
