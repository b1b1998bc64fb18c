"""The Chinese translations of the words inside figures, by the English words."""

__all__ = ["CHINESE"]

CHINESE = {
    # axes
    "step": "步数",
    "gradient evaluations": "梯度求值次数",
    "value": "函数值",
    "value above the minimum": "与最小值之差",
    "steps to the minimum": "到达极小点的步数",
    "learning rate": "学习率",
    "final value": "最终函数值",
    "final value above the minimum": "最终函数值与最小值之差",
    # marks
    "start": "起点",
    "minimum": "极小点",
    "local minimum": "局部极小点",
    "saddle": "鞍点",
    "inflection": "拐点",
    "a mark at every step": "每一步一个标记",
    "a mark every {} steps": "每 {} 步一个标记",
    " or ": " 或 ",
    "log₁₀(1 + f − lowest)": "log₁₀(1 + f − 最小值)",
    # paths
    "leaves the frame at step {}": "第 {} 步离开画面",
    "step {} of {}": "第 {} 步，共 {} 步",
    # maps
    "{}, value {}": "{}，函数值 {}",
    "not reached": "未到达",
    "no start reaches a minimum": "没有起点到达极小点",
    "stability limit": "稳定上限",
    "best": "最佳",
    "best {} at {}": "最佳 {}，位于 {}",
    "best {} steps at {}": "最佳 {} 步，位于 {}",
}
"""Translations by the English words; `style.translate` fills in the braces."""
