"""A ravine that lies across the axes: rules with a rate for each coordinate lose the advantage they had along them.

斜放的狭谷：按坐标调整步长的方法不再有优势，因为陡的方向不是任何一个坐标轴。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rules = ["sgd(lr=0.03)", "momentum(lr=0.01)", "rmsprop(lr=0.1)", "adam(lr=0.4)"]
paths = [steepest.trace(rule, "quadratic(condition=50, rotation=30)", steps=80) for rule in rules]
title = Text("A ravine that lies across the axes (condition number 50)", "与坐标轴斜交的狭谷（条件数 50）")
save(draw_paths(paths, title=title), "rotation.png")
