"""How far a step goes decides which minimum is found: the small rate stops in the first, momentum rolls on to the best.

步子的大小决定停在哪个极小点：小学习率停在第一个谷里，动量则滚过小坡进入最深的谷。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.paths import draw_paths
from steepest.figures.style import save

rules = ["sgd(lr=0.05)", "sgd(lr=0.4)", "sgd(lr=0.05, momentum=0.9)"]
paths = [steepest.trace(rule, "two_minima", steps=60) for rule in rules]
title = Text("Two minima of x cos(πx)", "x cos(πx) 的两个极小点")
save(draw_paths(paths, title=title), "local_minima.svg")
