"""On the ridge of a saddle the gradient leads into the saddle point, where it vanishes; a little noise frees descent.

起点在鞍的脊线上时，梯度下降走进鞍点就停住了，因为那里梯度为零；加一点噪声就能逃出来。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

quiet = [steepest.trace("sgd", "saddle", start=(-0.9, 0.0), lr=0.1, steps=30)]
noisy = [steepest.trace("sgd", "saddle", start=(-0.9, 0.0), lr=0.1, steps=30, noise=0.02, seed=seed) for seed in (1, 2)]
title = Text("Escape from a saddle: no noise, and two runs with some", "逃离鞍点：无噪声，以及两次有噪声")
save(draw_paths(quiet + noisy, title=title), "saddle_escape.png")
