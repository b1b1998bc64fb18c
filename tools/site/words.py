"""Words of the generated pages and of the navigation, in both languages."""

from steepest.base.text import Text

__all__ = ["WORDS", "say"]

WORDS = {
    # navigation
    "start": Text("Start", "开始"),
    "watch": Text("Watch", "观察"),
    "compare": Text("Compare", "比较"),
    "diagnose": Text("Diagnose", "诊断"),
    "use": Text("Use", "使用"),
    "write": Text("Write your own", "自己编写"),
    "lecture": Text("Lecture", "讲座"),
    "gallery": Text("Gallery", "图库"),
    "rules": Text("Optimizers", "优化器"),
    "workloads": Text("Workloads", "训练任务"),
    "reference": Text("Reference", "API 参考"),
    "only_english": Text("", "本页目前只有英文。导航、优化器与训练任务各页有中文。"),
    # start
    "ways": Text("Where to begin", "从哪里读起"),
    "way": Text("to", "想做什么"),
    "way_to": Text("read", "看哪里"),
    "way_lecture": Text("hear or give a lecture", "听课或讲课"),
    "way_watch": Text("understand an algorithm", "弄懂一个算法"),
    "way_compare": Text("choose an optimizer for a model", "为自己的模型选优化器"),
    "way_diagnose": Text("find out why a training fails", "找出训练失败的原因"),
    "way_use": Text("train with another optimizer", "换上更好的优化器"),
    "way_write": Text("write an optimizer", "写一个新的优化器"),
    # rules
    "rules_about": Text(
        "Every optimizer is written once, as its equation; each page below is made from that definition: the formula, "
        "what is stored, which learning rates are stable, when it helps and when it fails.",
        "每个优化器只写一次，写成公式；下面各页都由这份定义生成：公式、所存的状态、稳定的学习率范围、长处与短处。",
    ),
    "wrappers": Text("Wrappers of rules", "优化器的包装"),
    "wrappers_about": Text(
        "A wrapper changes what another rule does: `lookahead(adamw)` is AdamW in a Lookahead.",
        "包装改变另一个优化器的行为：`lookahead(adamw)` 是带 Lookahead 的 AdamW。",
    ),
    "wrapped_example": Text("shown around {}", "以包装 {} 为例"),
    "name": Text("name", "名称"),
    "memory": Text("memory", "内存"),
    "helps": Text("helps", "长处"),
    "fails": Text("fails", "短处"),
    "formula": Text("Formula", "公式"),
    "symbols": Text("Symbols and settings", "符号与超参数"),
    "states": Text("It keeps, for each parameter:", "每个参数保存的状态："),
    "no_states": Text("It keeps nothing between steps.", "步与步之间不保存任何状态。"),
    "character": Text("Character", "特性"),
    "live": Text("Try it", "试一试"),
    "live_about": Text(
        "In a ravine: drag the start, move the learning rate, and step through the formula with its numbers.",
        "在一条狭谷中：拖动起点，改变学习率，逐步查看代入数值的公式。",
    ),
    "paths_about": Text(
        "Its path in a ravine, computed when this page was made: its step needs whole tensors, so that the page "
        "itself cannot compute it.",
        "它在狭谷中的路径，生成本页时算好：它的一步要用到整个张量，网页自身无法计算。",
    ),
    "no_live": Text(
        "It steps matrices only, and a point on a landscape is none: there is no path to show. "
        "Compare it on a network instead: `steepest compare --optimizers adam,{}`.",
        "它只更新矩阵，而地形上的一个点不是矩阵，所以没有路径可看。可在网络上比较：`steepest compare --optimizers adam,{}`。",
    ),
    "loading": Text("The figure is drawn by JavaScript.", "此图由 JavaScript 绘制。"),
    "failed": Text(
        "The figure could not be loaded; it needs a browser from 2023 or later.",
        "无法加载此图；需要 2023 年以后的浏览器。",
    ),
    "elsewhere": Text("In other libraries", "在其他库中"),
    "elsewhere_about": Text(
        "*Apart* is the largest distance after 100 steps, as a share of the way; see "
        "[how it was measured](/use/equivalents.md).",
        "*相差* 是 100 步后的最大距离，占所走路程的比例；见[测量方法](/use/equivalents.md)。",
    ),
    "there": Text("class", "类"),
    "settings_there": Text("at these settings", "对方的设置"),
    "here": Text("here", "这里写"),
    "apart": Text("apart", "相差"),
    "differs": Text("what differs", "差别"),
    "in_pytorch": Text("In PyTorch", "在 PyTorch 中（英文文档）"),
    # workloads
    "workloads_about": Text(
        "What optimizers are compared on: small enough for a laptop, with a target that was measured. "
        "[Your own](/compare/workloads.md) is a file of about 15 lines.",
        "用来比较优化器的训练任务：小到可在笔记本电脑上运行，目标值经过测量。[自己的任务](/compare/workloads.md)是一个约 15 行的文件。",
    ),
    "workload": Text("workload", "任务"),
    "what": Text("what it is", "内容"),
    "metric": Text("metric", "指标"),
    "target": Text("target", "目标"),
    "at_least": Text("{} ≥ {}", "{} ≥ {}"),
    "at_most": Text("{} ≤ {}", "{} ≤ {}"),
    "steps": Text("steps of a run", "每次训练的步数"),
    "batch": Text("batch size", "批大小"),
    "parameters": Text("parameters", "参数个数"),
    "seconds": Text("processor time of a run", "一次训练的处理器时间"),
    "seconds_of": Text("{} s with {}", "{1} 用时 {0} 秒"),
    "milliseconds": Text("time of a step", "一步的时间"),
    "milliseconds_of": Text("{} ms with {}", "{1} 每步 {0} 毫秒"),
    "data_title": Text("Data and licence", "数据与许可证"),
    "data": Text("data", "数据"),
    "licence": Text("licence", "许可证"),
    "source": Text("source", "来源"),
    "fetched": Text("to fetch", "下载大小"),
    "no_data": Text("Its data are made as it runs; nothing is fetched.", "数据在运行时产生，无需下载。"),
    "comes_along": Text("nothing: it comes along", "无需下载：随附"),
    "run": Text("Run it", "运行"),
    "measured": Text("How its target was measured", "目标值的测量"),
    "measured_about": Text(
        "Rates are the best of eight; *reached* counts seeds, *at* is where in a run the middle seed got there. "
        "{}; {}; torch {}. Measured in [this way](/compare/applications.md).",
        "学习率取八个中最好的；*达到* 为达到目标的种子数，*时刻* 为中位种子达到目标时在一次训练中的位置。{}；{}；torch {}。"
        "测量方法见[应用任务](/compare/applications.md)。",
    ),
    "not_measured": Text(
        "Its target is one that a good setting reaches within a run.", "目标值取好的设置在一次训练内能达到的值。"
    ),
    "rule": Text("rule", "优化器"),
    "rate": Text("learning rate", "学习率"),
    "reached": Text("reached", "达到"),
    "of": Text("{} of {}", "{}/{}"),
    "at": Text("at", "时刻"),
    "ends": Text("ends at", "最终值"),
    "tenth": Text("{} at a tenth of its rate", "{}，学习率取其十分之一"),
    "own": Text("Your own data, and sizes", "换成自己的数据与规模"),
    "own_about": Text("Settings stand in brackets behind its name:", "设置写在名称后的括号里："),
    "own_none": Text(
        "It has no settings. A copy of its file is a workload of your own: change what `data()` returns.",
        "它没有设置项。复制它的文件就得到自己的任务：改掉 `data()` 的返回值即可。",
    ),
    "setting": Text("setting", "设置"),
    "default": Text("default", "默认值"),
    "meaning": Text("what it is", "含义（英文）"),
    "more": Text("More about it", "更多说明（英文）"),
    "picture": Text("What {} has learned", "{} 学到了什么"),
    "picture_about": Text(
        "Trained by {}, {} steps, in [the study of the applications](/compare/applications.md).",
        "由 {} 训练 {} 步得到；出自[这项研究](/compare/applications.md)。",
    ),
    # lecture
    "lecture_about": Text(
        "A page that teaches: a station a screen, guess, watch, try; from gradient descent to Adam, with a network that "
        "trains before your eyes. Every number in it is computed.",
        "一页会讲课的网页：一屏一站，先猜、再看、后试；从梯度下降讲到 Adam，还有一个当场训练的网络。其中每个数字都是算出来的。",
    ),
    "lecture_open": Text("Open the lecture", "打开讲座"),
    "playground_open": Text("Open the playground", "打开实验台"),
    "lecture_save": Text(
        "Each is one file that needs no network; `steepest lecture` and `steepest play` open them on your machine, "
        "`--save` writes them.",
        "两者各是一个无需联网的文件；`steepest lecture` 与 `steepest play` 在本机打开，`--save` 保存。",
    ),
    "stations": Text("The stations", "各站"),
    "row": Text("row", "行"),
    "station": Text("station", "站"),
    # reference
    "reference_about": Text(
        "Every public name, from its docstring. An optimizer's own arguments stand on [its page](/rules/index.md).",
        "所有公开名称，取自其文档字符串（英文）。各优化器的参数见[其页面](/rules/index.md)。",
    ),
    "ref_watch": Text("Watching", "观察"),
    "ref_compare": Text("Comparing", "比较"),
    "ref_diagnose": Text("Diagnosing", "诊断"),
    "ref_use": Text("Optimizers", "优化器"),
    "ref_write": Text("Rules, landscapes, workloads", "编写优化器、地形与任务"),
    "ref_data": Text("Data sets", "数据集"),
    "ref_more": Text("Further names", "其他名称"),
    "source_code": Text("Source of {}", "{} 的源文件"),
}


def say(key: str, lang: str, *parts: object) -> str:
    """The text of a key, with its fields filled in."""
    text: str = getattr(WORDS[key], lang)
    return text.format(*parts) if parts else text
