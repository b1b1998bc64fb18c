"""The fixed words of the report and of its figures, in both languages."""

from ..text import Text

__all__ = ["LABELS", "WORDS"]

WORDS = {
    "title": Text("Which optimizer gets there first?", "哪个优化器最先到达？"),
    "table": Text("Results on fresh seeds", "新种子上的结果"),
    "table_note": Text(
        "Each optimizer tried the same number of learning rates on one seed; its best one ran again on fresh seeds, the same"
        " for all. Only those runs count here. Steps to target is the median over the seeds, a miss counting as infinite;"
        " seconds are steps times the measured time of a step, evaluation excluded; the interval is Student's t for the mean.",
        "每个优化器在同一个种子上试验相同数目的学习率；最好的一个再用新的种子重跑，所有优化器用同一组种子。此处只计入这些运行。"
        "到达步数为各种子的中位数，未到达记为无穷；秒数为步数乘以单步耗时（不含评估）；区间为均值的 t 区间。",
    ),
    "optimizer": Text("optimizer", "优化器"),
    "lr": Text("learning rate", "学习率"),
    "steps": Text("steps to target", "到达步数"),
    "reached": Text("seeds that reached it", "到达的种子"),
    "seconds": Text("seconds to target", "到达秒数"),
    "micro": Text("µs a step", "每步微秒"),
    "final": Text("final", "最终"),
    "interval": Text("95 % interval", "95% 区间"),
    "broken": Text("broken trials", "失败的试验"),
    "noise": Text("gradient noise", "梯度噪声"),
    "noise_note": Text(
        "Steps of different batch sizes are not alike, so seconds decide here. Gradient noise: how far the gradient of one"
        " batch is from that of all data at the start, relative to its length.",
        "不同批大小的一步不可相比，因此这里以秒数决定先后。梯度噪声：训练开始时一个批的梯度与全体数据梯度的相对偏差。",
    ),
    "learning_rates": Text("How much the learning rate matters", "学习率有多重要"),
    "learning_rates_note": Text(
        "Every trial of every optimizer: final loss against learning rate. A wide flat valley forgives a careless choice; a"
        " narrow one does not. Ringed: the trial that was chosen, first to the target. Crosses at the top went wrong.",
        "每个优化器的每次试验：最终损失与学习率的关系。宽而平的谷容忍随意的选择，窄的则不然。带环的是被选中的试验（最先到达目标）。顶部的叉表示失败的试验。",
    ),
    "curves": Text("How training went", "训练过程"),
    "curves_note": Text(
        "The winners on fresh seeds: the line is the median, the band spans the middle half of the seeds.",
        "各优化器的最佳设置在新种子上的表现：线为中位数，带为中间一半的种子。",
    ),
    "trials": Text("Every run", "全部运行"),
    "phase": Text("phase", "阶段"),
    "seed": Text("seed", "种子"),
    "loss": Text("final loss", "最终损失"),
    "ending": Text("how it ended", "结果"),
    "reproduce": Text("How to reproduce", "如何复现"),
    "command": Text("command", "命令"),
    "made": Text("made", "生成时间"),
    "machine": Text("machine", "机器"),
    "versions": Text("versions", "版本"),
}

LABELS = {
    "learning rate": "学习率",
    "final loss": "最终损失",
    "step": "步数",
    "examples seen": "已用样本数",
    "held-out loss": "留出集损失",
    "accuracy": "准确率",
    "target": "目标",
    "went wrong": "失败",
    "loss on all rows": "全部数据上的损失",
}
"""Texts inside the figures; the report shows them in the reader's language."""
