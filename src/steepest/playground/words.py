"""What the page says about settings, schedules and landscapes, in both languages."""

from ..base.text import Text

__all__ = ["ABOUT", "GROUPS", "SCHEDULES", "TITLES"]

ABOUT = {
    "learning rate": "学习率",
    "share of the last step's velocity that is kept": "上一步速度保留的比例",
    "share of the gradient kept out of the velocity": "梯度中不计入速度的比例",
    "L2 penalty, added to the gradient": "L2 惩罚，加到梯度上",
    "look one velocity ahead": "向前多看一步速度",
    "decay of the learning rate with the step": "学习率随步数的衰减",
    "where the sum starts": "累加和的初值",
    "keeps the division finite": "防止除以零",
    "eps under the root, as in the lecture": "eps 放在根号内（与讲义一致）",
    "eps under the root": "eps 放在根号内",
    "memory of the squared gradients": "对梯度平方的记忆",
    "share of the last step that is kept": "上一步保留的比例",
    "divide by the standard deviation instead": "改为除以标准差",
    "memory of the gradients and of their squares": "对梯度及其平方的记忆",
    "divide by the largest average so far": "除以迄今最大的平均值",
    "decay of the parameter, times the learning rate": "参数衰减，乘以学习率",
    "factor on the step": "步长的系数",
    "memory of the squared gradients and steps": "对梯度平方与步长平方的记忆",
    "keeps the division finite, and starts the steps": "防止除以零，并让第一步得以迈出",
    "memory of the gradients and of their largest size": "对梯度及其最大幅度的记忆",
    "how fast the momentum warms up from a half of beta1": "动量从 beta1 的一半升上来的快慢",
    "memory of the gradients": "对梯度的记忆",
    "share of the average in the step, and its memory": "平均值在步中的比例，以及它的记忆",
    "memory of the gradients, of their squares, and the slow memory of the gradients": "对梯度、对其平方的记忆，以及对梯度的慢记忆",
    "weight of the slow average": "慢平均的权重",
    "steps until the slow memory is as long as it gets, or 0": "慢记忆增长到最长所需的步数，或 0",
    "steps until the slow average has its full weight, or 0": "慢平均达到全部权重所需的步数，或 0",
    "share of the average in the point of the gradient": "求梯度之点中平均值的比例",
    "share of the average in the point of the gradient, memory of the squared gradients": "求梯度之点中平均值的比例，以及对梯度平方的记忆",
    "steps in which the learning rate rises from 0": "学习率从 0 升起所用的步数",
    "power of the step in the weights of the average": "平均权重中步数的幂次",
    "power of the learning rate in the weights of the average": "平均权重中学习率的幂次",
    "correct the learning rate, not the scale": "修正学习率而不是尺度",
}
"""What the rules say about their settings, in Chinese."""

TITLES = {
    "mccormick": Text("McCormick", "McCormick 函数"),
    "goldstein_price": Text("Goldstein and Price", "Goldstein-Price 函数"),
    "styblinski_tang": Text("Styblinski and Tang", "Styblinski-Tang 函数"),
    "three_hump_camel": Text("Three-hump camel", "三驼峰函数"),
    "six_hump_camel": Text("Six-hump camel", "六驼峰函数"),
    "quadratic(condition=100, rotation=30)": Text("Quadratic, condition 100, turned", "二次型碗，条件数 100，旋转"),
}
"""Titles of landscapes that are not their names with a capital."""

GROUPS = {
    "lecture": Text("The lecture's", "讲义中的地形"),
    "saddles": Text("Saddles", "鞍点"),
    "valleys": Text("Valleys", "山谷"),
    "multimodal": Text("Many minima", "多个极小点"),
    "quadratics": Text("Quadratic bowls", "二次型碗"),
}

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
