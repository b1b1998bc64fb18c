"""The fixed texts of the report's page, in English and Chinese; those inside its figures are in `figures/words.py`."""

from ..base.text import Text
from ..figures.words import COMPARISON

__all__ = ["DESCRIPTIONS", "PHASES", "STATUSES", "WORDS", "label_text"]

WORDS = {
    "title": Text("Which optimizer gets there first?", "哪个优化器最先到达？"),
    "show": Text("Show or hide", "显示或隐藏"),
    "all": Text("all", "全部"),
    "none": Text("none", "全不选"),
    "workloads": Text("Workloads", "工作负载"),
    # speed
    "table": Text("Who is fast", "谁更快"),
    "table_note": Text(
        "Every optimizer tried the same number of settings. The best ones, one of each search, then took turns on fresh seeds,"
        " the same for all, and only those runs count here. Steps are the median over the seeds; a run that misses the target"
        " counts as endless. How an optimizer compares with the first is judged seed by seed, with a 95 % interval that"
        " covers the luck of the searches, too; the words hold for all of them together. Seconds are steps times the time of"
        " one step, which is measured separately, the optimizers taking turns, without evaluation.",
        "每个优化器试验相同数目的设置；各轮搜索中最好的一个轮流用新种子重跑，所有优化器用同一组种子；此处只计入这些重跑。步数为各种子的中位数，"
        "未到达目标记为无穷。与第一名的比较逐种子进行，附 95% 区间（也包含搜索的运气）；结论对全体优化器同时成立。"
        "秒数为步数乘以单步耗时；后者另行测量，各优化器轮流进行，不含评估。",
    ),
    "optimizer": Text("optimizer", "优化器"),
    "lr": Text("learning rate", "学习率"),
    "winner": Text("best settings", "最佳设置"),
    "steps": Text("steps to target", "到达步数"),
    "against": Text("times the first", "与第一名之比"),
    "word": Text("verdict", "结论"),
    "reached": Text("seeds that reached it", "到达的种子"),
    "seconds": Text("seconds to target", "到达秒数"),
    "micro": Text("µs a step", "每步微秒"),
    "parts": Text("data · model · optimizer", "数据 · 模型 · 优化器"),
    "parts_note": Text(
        "A step's time is told apart, in a pass of its own: getting a batch, the model's forward and backward pass, and the"
        " optimizer; “—” where the workload does not tell data from model.",
        "单步耗时另行分项测量：取得一批数据、模型的前向与反向计算、优化器；“—”表示工作负载未区分数据与模型。",
    ),
    "noise": Text("gradient noise", "梯度噪声"),
    "noise_note": Text(
        "Steps of different batch sizes are not alike, so seconds decide here. Gradient noise: how far the gradient of one"
        " batch is from that of all data at the start, relative to its length.",
        "不同批大小的一步不可相比，因此这里以秒数决定先后。梯度噪声：训练开始时一个批的梯度与全体数据梯度的相对偏差。",
    ),
    # code
    "code_title": Text("What to write in your script", "在你的脚本里怎么写"),
    "others": Text("The others, at their best settings", "其余优化器，取其最佳设置"),
    "copy_text": Text("copy", "复制"),
    "copied": Text("copied", "已复制"),
    # quality
    "quality": Text("How good they are in the end", "最终效果如何"),
    "quality_note": Text(
        "The same runs on fresh seeds, now at their last step and at their best: means over the seeds, with the 95 % interval"
        " of the mean (Student's t). Whoever is fast need not be the best in the end.",
        "同样是新种子上的运行，比较最后一步与最好时的结果：各种子的均值，附均值的 95% 区间（t 分布）。最快的未必最终最好。",
    ),
    "final": Text("final", "最终"),
    "best": Text("best", "最好"),
    "final_loss": Text("final loss", "最终损失"),
    "best_loss": Text("best loss", "最好损失"),
    # curves
    "curves": Text("How training went", "训练过程"),
    "curves_note": Text(
        "The winners on fresh seeds: the line is the median, the band spans the middle half of the seeds.",
        "各优化器的最佳设置在新种子上的表现：线为中位数，带为居中一半的种子。",
    ),
    # pictures
    "pictures": Text("What it does as it learns", "训练过程中模型的表现"),
    "pictures_note": Text(
        "What the workload shows of the model after more and more steps: the winner's run on one fresh seed, made once more for"
        " the pictures. Runs of one seed begin with the same weights.",
        "工作负载展示的模型表现，随步数推进：即获胜设置在一个新种子上的运行，为取得图片重做一遍。同一种子的运行初始权重相同。",
    ),
    "no_pictures": Text("There are no pictures of {}: {}", "没有 {} 的图片：{}"),
    # tuning
    "learning_rates": Text("How much the learning rate matters", "学习率有多重要"),
    "learning_rates_note": Text(
        "Every trial of every optimizer: final loss against learning rate. A wide flat valley forgives a careless choice, a"
        " narrow one does not. Ringed: the trial that was chosen, the first to the target. Crosses above the frame: trials"
        " that went wrong.",
        "每个优化器的每次试验：最终损失与学习率的关系。谷宽而平，选得随意些也无妨；谷窄则不然。"
        "带环的是被选中的试验（最先到达目标），图框上方的叉是出错的试验。",
    ),
    "settings_note": Text(
        "The other settings that were searched: every sound trial. Trials differ in several settings at once, so that only what"
        " stands out of the cloud says something.",
        "其余被搜索的设置：每次正常的试验。各试验同时有多个设置不同，因此只有明显突出于点云之外的才说明问题。",
    ),
    "tuning": Text("How easy they are to tune", "调参有多容易"),
    "tuning_note": Text(
        "Best of k: what the best of k trials needs to the target: the default setting and k − 1 drawn from the others that"
        " were made, in the middle draw; “—” where that misses. Width: by what factor the learning rate may vary with a final loss within 5 % of the optimizer's"
        " own best. Luck: how much faster the winning trial was in the search than on fresh seeds; that much of it was"
        " chance.",
        "k 次取最好：默认设置，加上从其余已做的试验中抽取的 k − 1 次，其中最好的一次到达目标所需（取中位的抽样）；“—”表示未到达。"
        "宽度：最终损失保持在自身最优 5% 以内时，学习率可变化的倍数。运气：获胜的试验在搜索中比在新种子上快多少，这部分属于偶然。",
    ),
    "best_of": Text("best of {}", "{} 次取最好"),
    "width": Text("width", "宽度"),
    "broken": Text("trials that went wrong", "出错的试验"),
    "luck": Text("luck", "运气"),
    "budget_note": Text(
        "The same for every number of trials. A line begins where the middle draw reaches the target.",
        "各试验次数下的同一数值。线从中位抽样到达目标处开始。",
    ),
    # several workloads
    "firsts": Text("First on each workload", "各工作负载的第一名"),
    "firsts_note": Text(
        "Behind: the first that is clearly slower, and how many times as much it needs as the leader, with the 95 %"
        " interval over seeds and searches. Where several tie, seeds cannot tell them apart.",
        "其后：明显较慢者中的第一个，以及它所需为领先者的多少倍，附种子与搜索的 95% 区间。打平表示种子无法区分。",
    ),
    "first": Text("first", "第一名"),
    "behind": Text("behind", "其后"),
    "times_as_much": Text("times as much (95 % interval)", "倍数（95% 区间）"),
    "relative": Text("Times as much as the leader of each workload", "所需为各工作负载领先者的倍数"),
    "relative_note": Text(
        "Steps (or seconds, where steps are not alike) to the target; those that are first or tie are bold; ∞ is one that"
        " missed the target on most seeds, — where nothing can be compared.",
        "到达目标的步数（步不可比时为秒数）；第一或打平者为粗体；∞ 表示在多数种子上未到达目标，— 表示无法比较。",
    ),
    "profiles": Text("Over all workloads", "全部工作负载"),
    "profiles_note": Text(
        "Performance profile as AlgoPerf defines it: on what share of the workloads an optimizer needs at most so many times"
        " the seconds of the fastest; more than 4 times counts as missed. The score is the area under its line, 1 at most.",
        "AlgoPerf 定义的性能曲线：在多大比例的工作负载上，优化器所需秒数不超过最快者的若干倍；超过 4 倍视为未到达。得分为线下面积，最高为 1。",
    ),
    "score": Text("score", "得分"),
    # every run
    "trials": Text("Every run", "全部运行"),
    "sort_hint": Text(
        "A click on a heading sorts, a second one turns the order round; the button of a row copies its optimizer with all"
        " settings, as --optimizers takes it. “Search” are the trials that chose the settings,"
        " “fresh seeds” the runs of the winners.",
        "点击表头排序，再点一次反向；每行的按钮复制该优化器及其全部设置，可用于 --optimizers。“搜索”是选出设置的试验，“新种子”是获胜设置的重跑。",
    ),
    "workload": Text("workload", "工作负载"),
    "phase": Text("phase", "阶段"),
    "seed": Text("seed", "种子"),
    "metric": Text("final metric", "最终指标"),
    "ending": Text("how it ended", "结果"),
    "all_phases": Text("all phases", "所有阶段"),
    "all_endings": Text("all endings", "所有结果"),
    "earlier": Text("← earlier", "← 上一页"),
    "later": Text("later →", "下一页 →"),
    "no_script": Text(
        "This table needs scripts, which are switched off here. The same runs stand in runs.csv beside this page.",
        "此表需要脚本，而脚本已被关闭。同样的内容在本页旁的 runs.csv 中。",
    ),
    # how to reproduce
    "reproduce": Text("How to reproduce", "如何复现"),
    "command": Text("command", "命令"),
    "from_python": Text("called from Python, with the settings below", "由 Python 调用，设置见下"),
    "extended": Text(
        "The study has been extended since; the settings below are those of now.",
        "此后研究又有扩展；下面是现在的设置。",
    ),
    "protocol": Text("protocol", "方案"),
    "made": Text("begun", "开始时间"),
    "machine": Text("machine", "机器"),
    "versions": Text("versions", "版本"),
    "fingerprints": Text("problems", "问题指纹"),
    "fingerprints_note": Text(
        "by seed: hash of data, initial weights and initial loss", "按种子：数据、初始权重与初始损失的哈希"
    ),
    "code": Text("code", "代码指纹"),
    "plan_note": Text("What was searched, and how long each run is.", "搜索的范围，以及每次运行的长度。"),
    "rule": Text("written as", "写作"),
    "ranges": Text("searched", "搜索范围"),
    "schedule": Text("schedule", "学习率调度"),
    "length": Text("steps × batch", "步数 × 批大小"),
}

PHASES = {"search": Text("search", "搜索"), "report": Text("fresh seeds", "新种子")}

STATUSES = {
    "reached the target": Text("reached the target", "到达目标"),
    "finished": Text("missed the target", "未到达目标"),
    "diverged": Text("diverged", "发散"),
    "became non-finite": Text("became non-finite", "出现非有限数"),
    "failed": Text("failed", "失败"),
    "timed out": Text("timed out", "超时"),
    "stopped early": Text("stopped early", "提前停止"),
}
"""How a run ended, as `steepest.base.status.Status` has it."""


def label_text(name: str) -> Text:
    """A name of a metric, or a text of a figure, in both languages; a user's own, which has no translation, as it is.

    >>> label_text("accuracy").zh, label_text("my score").zh
    ('准确率', 'my score')
    """
    return Text(name, COMPARISON.get(name, name))


DESCRIPTIONS = {
    "learning_rates": Text(
        "Final loss of every trial against its learning rate, a line for each optimizer",
        "每次试验的最终损失与学习率的关系，每个优化器一条线",
    ),
    "settings": Text(
        "Final loss of every trial against each other setting that was searched, a panel for each",
        "每次试验的最终损失与其余各个被搜索设置的关系，每个设置一幅小图",
    ),
    "budget": Text(
        "Steps or seconds to the target of the best of k trials, a line for each optimizer",
        "k 次试验中最好的一次到达目标所需的步数或秒数，每个优化器一条线",
    ),
    "curves": Text(
        "Held-out loss and metric of the winners against the step, with bands over the seeds",
        "各优化器最佳设置的留出集损失与指标随步数的变化，带表示种子间的差异",
    ),
    "profiles": Text(
        "Share of the workloads on which each optimizer is within a factor of the fastest",
        "每个优化器在多大比例的工作负载上与最快者相差不超过某个倍数",
    ),
}
"""Alternative texts of the figures, for screen readers, by name."""
