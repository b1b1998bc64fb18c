"""Five optimizers in a ravine: descent zigzags, momentum and Adam swing, AdaGrad and RMSProp go almost straight.

狭谷中的五个优化器：梯度下降走锯齿，动量法和 Adam 摆动着穿过，AdaGrad 和 RMSProp 几乎直奔谷底。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rates = {"sgd": 0.4, "momentum": 0.1, "adagrad": 2.0, "rmsprop": 0.1, "adam": 0.4}
paths = [steepest.trace(rule, "ravine", lr=lr, steps=40) for rule, lr in rates.items()]
title = Text("Five optimizers in a ravine", "狭谷中的五个优化器")
save(draw_paths(paths, title=title), "ravine.png")
