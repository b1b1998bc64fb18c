"""Which of Himmelblau's four valleys does each start reach? Descent, momentum and Adam disagree.

每个起点会到达 Himmelblau 函数的哪个谷？梯度下降、动量法和 Adam 的答案各不相同。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.basins import draw_basin
from steepest.figures.style import save

rules = ["sgd(lr=0.01)", "momentum(lr=0.005)", "adam(lr=0.1)"]
basins = steepest.map_basin(rules, "himmelblau", size=500)
title = Text("Basins of attraction, himmelblau", "吸引域，himmelblau")
save(draw_basin(basins, title=title), "basins.png")
