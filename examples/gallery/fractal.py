"""As momentum's learning rate nears divergence, the basins' edges fray, until nobody can tell where a start leads.

动量法的学习率越接近发散，吸引域的边界就越破碎，最后谁也说不清一个起点会走到哪里。
"""

import steepest
from steepest.base.text import Text
from steepest.figures.basins import draw_basin
from steepest.figures.style import save

rules = ["momentum(lr=0.005)", "momentum(lr=0.01)", "momentum(lr=0.02)"]
basins = steepest.map_basin(rules, "himmelblau", size=400, steps=300)
title = Text("Momentum on himmelblau, on the way to divergence", "himmelblau 上的动量法，接近发散")
save(draw_basin(basins, title=title, dark=True), "fractal.png")
