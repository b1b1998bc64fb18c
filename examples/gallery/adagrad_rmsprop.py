"""AdaGrad sums all squared gradients, so its steps only ever shrink; RMSProp forgets, and keeps its pace.

AdaGrad 累加全部梯度平方，步子只会越来越小；RMSProp 会遗忘旧的梯度，因而保持速度。
"""

import steepest
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rules = ["adagrad(lr=0.1)", "rmsprop(lr=0.1)"]
paths = [steepest.trace(rule, "ravine", start=(-9.0, 4.0), steps=150) for rule in rules]
save(draw_paths(paths, title="AdaGrad stalls, RMSProp does not"), "adagrad_rmsprop.png")
