"""Titles of schedules and of groups of landscapes, in both languages."""

from ..base.text import Text

__all__ = ["GROUPS", "OTHERS", "SCHEDULES"]

GROUPS = {
    "lecture": Text("The lecture's", "讲义中的地形"),
    "saddles": Text("Saddles", "鞍点"),
    "valleys": Text("Valleys", "山谷"),
    "multimodal": Text("Many minima", "多个极小点"),
    "quadratics": Text("Quadratic bowls", "二次型碗"),
}

OTHERS = Text("Others", "其他地形")
"""Landscapes of plugins."""

RATE = Text("how fast it decays", "衰减的快慢")
SCHEDULES: dict[str, tuple[Text, list[tuple[str, float, str, Text]]]] = {
    "constant": (Text("constant", "恒定"), []),
    "exponential": (Text("exponential decay", "指数衰减"), [("rate", 0.1, "[0, inf)", RATE)]),
    "inverse_sqrt": (Text("one over the root of the step", "步数平方根的倒数"), [("rate", 0.1, "[0, inf)", RATE)]),
    "cosine": (Text("cosine", "余弦"), []),
    "warmup_cosine": (
        Text("warm-up, then cosine", "预热后余弦"),
        [("warmup", 0.1, "[0, 1)", Text("share of the steps in which it rises", "上升阶段占总步数的比例"))],
    ),
}
"""Title of each schedule, and of each of its settings: name, default, interval, what it is."""
