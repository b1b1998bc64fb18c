"""With noisy gradients a constant learning rate never settles; letting it fall over the steps does.

梯度有噪声时，固定的学习率总在谷底附近晃动；让学习率逐步下降就能安定下来。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

kinds = [None, "exponential(0.03)", "cosine"]
paths = [steepest.trace("sgd", "bowl", lr=0.2, steps=150, noise=2.0, schedule=kind) for kind in kinds]
title = Text("Noise: constant, exponential and cosine learning rates", "有噪声时：恒定、指数与余弦学习率")
save(draw_paths(paths, title=title), "schedules.png")
