"""On the flat end of tanh the gradient has all but vanished: descent hardly moves, rules that divide by its size do.

在 tanh 的平坦一端梯度几乎消失：普通下降寸步难行，而除以梯度大小的方法照样前进。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rules = ["sgd(lr=0.1)", "momentum(lr=0.1)", "rmsprop(lr=0.1)", "adam(lr=0.1)"]
paths = [steepest.trace(rule, "tanh", steps=60) for rule in rules]
title = Text("A vanishing gradient", "梯度消失")
save(draw_paths(paths, title=title), "vanishing_gradient.svg")
