"""The Chinese translations of the words inside figures, by the English words."""

__all__ = ["CHINESE", "COMPARISON"]

COMPARISON = {
    "learning rate": "学习率",
    "final loss": "最终损失",
    "went wrong": "出错",
    "step": "步数",
    "examples seen": "已用样本数",
    "gradient evaluations": "梯度求值次数",
    "held-out loss": "留出集损失",
    "loss": "损失",
    "metric": "指标",
    "accuracy": "准确率",
    "average precision": "平均精度",
    "best moves": "最佳着法比例",
    "names right": "名称正确率",
    "recall at 1": "首位召回率",
    "words right": "单词正确率",
    "loss without noise": "无噪声损失",
    "bits a character": "每字比特数",
    "Fréchet distance": "弗雷歇距离",
    "target": "目标",
    "loss on all rows": "全部数据上的损失",
    "trials": "试验次数",
    "steps to target": "到达步数",
    "seconds to target": "到达秒数",
    "times as long as the fastest": "最快者用时的倍数",
    "share of the workloads": "工作负载的比例",
}
"""In the figures of a comparison: axes, and names of metrics."""

CHINESE = COMPARISON | {
    # axes
    "value": "函数值",
    "value above the minimum": "与最小值之差",
    "steps to the minimum": "到达极小点的步数",
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
