"""The Chinese translations of help and of what is said about wrong usage, by the English texts."""

__all__ = ["HELP", "PANELS", "USAGE"]

HELP = {
    # commands
    "Watch, compare and use the optimizers that train deep networks.": "观察、比较和使用训练深度网络的优化器。",
    "Start with: steepest compare Watch one: steepest trace adam --on rosenbrock --save path.png": "从这里开始：steepest compare      观察一个：steepest trace adam --on rosenbrock --save path.png",
    "Run rules on a landscape: where they end, what happened, and a picture of the way.": "在地形上运行优化器：终点在哪里，发生了什么，并画出轨迹。",
    "Find out which optimizer, at which settings, gets there first.": "找出哪个优化器、用哪组设置最先到达目标。",
    "Every optimizer gets the same number of trials over its ranges, in two searches; the best of each search runs again"
    " on fresh seeds, and only those count. Everything is kept in the folder: study.sqlite, runs.csv, figures,"
    " report.html. The same command goes on where an interrupted one stopped.": "每个优化器在各自的范围内试验同样多次，分两轮搜索；每轮最好的一组设置再用新种子重跑，只有这些重跑才算数。所有结果都保存在文件夹中："
    "study.sqlite、runs.csv、图和 report.html。中断后，用同一条命令从停下的地方继续。",
    "Pack a study, with every run and every curve, into one small file.": "把一项研究连同每次运行、每条曲线打包成一个小文件。",
    "steepest report reads such a file, and steepest compare --resume goes on from it in a folder of its own.": "steepest report 可读取这样的文件；steepest compare --resume 由它在新文件夹中继续。",
    "Make the report of a study again, and write its tables for other programs.": "重新生成一项研究的报告，并把表格写成其他程序可用的格式。",
    "The page, report.html, and the figures are always written. csv and parquet have every run, every measurement, and"
    " all else that the verdict is computed from; md is the verdict for a chat or an issue; tensorboard has the curves of"
    " the winners. Both have the numbers behind the verdict, too. tensorboard (HPARAMS), jsonl (the files of Weights &"
    " Biases) and mlflow have the settings and the results of each run.": "总会写出网页 report.html 和图。csv 和 parquet 含每次运行、每次测量，以及得出结论所用的其余全部数据；"
    "md 是结论，可贴到聊天或 issue 中；tensorboard 含获胜设置的曲线。二者也都含得出结论所用的数字。tensorboard（HPARAMS）、jsonl（Weights & Biases 的文件格式）和 mlflow 含每次运行的设置与结果。",
    "Run a training script as it is, and say what is wrong with its training.": "原样运行训练脚本，并指出训练中的问题。",
    "steepest diagnose train.py -- --epochs 3 a script with its own arguments": "steepest diagnose train.py -- --epochs 3                  脚本及其自身的参数",
    'steepest diagnose my_workload.py --optimizer "sgd(lr=1)" a workload': 'steepest diagnose my_workload.py --optimizer "sgd(lr=1)"  工作负载',
    "steepest diagnose train.py --report run.html a page with pictures": "steepest diagnose train.py --report run.html              带图的网页",
    "Write a page with pictures of what was found to this file.": "把发现的问题连同图写成网页，保存到此文件。",
    "A training script, or a workload.": "训练脚本，或工作负载。",
    "The script's own arguments, behind --.": "脚本自身的参数，写在 -- 之后。",
    "Optimizer of a workload, such as 'adam(lr=0.01)'.": "工作负载的优化器，例如 'adam(lr=0.01)'。",
    "Seed of a workload.": "工作负载的种子。",
    "Share of the time that observing takes.": "观察所占时间的份额。",
    "Afterwards try the advice of each finding on copies of the model.": "之后在模型的副本上尝试每条发现的建议。",
    "Show a rule's formula, settings and character, or a landscape's facts; several rules side by side.": "显示一个优化器的公式、设置和特点，或一个地形的信息；多个优化器则并排显示。",
    "Open the playground: drag the start, slide the settings, and watch the rules run. One file, no network.": "打开演示台：拖动起点，调节设置，观察优化器运行。单个文件，无需网络。",
    "Open the lecture: guess, watch, and try, a station at a time. One file, no network.": "打开讲座：先猜，再看，然后动手试，一站一站地走。单个文件，无需网络。",
    "List the rules, their wrappers, landscapes, schedules, workloads and sets of these, a line each.": "列出优化器、其包装器、地形、学习率调度、工作负载及其集合，每个一行。",
    "Draw maps of many runs: which minimum each start reaches, what each pair of settings does.": "画出大量运行的地图：每个起点到达哪个极小点，每对设置的效果如何。",
    "Find out which minimum each start on a grid reaches, and after how many steps.": "找出网格上每个起点到达哪个极小点，以及用了多少步。",
    "Run every pair of values of two hyperparameters from one start: last value, and steps to the minimum.": "从同一起点运行两个超参数的每一对取值：最终函数值，以及到达极小点的步数。",
    "List the data sets of the workloads, or fetch some with `steepest data get`.": "列出各工作负载的数据集，或用 `steepest data get` 下载。",
    "A data set is looked for in the folder that STEEPEST_DATA names, in installed packages, where Debian's packages put"
    " it, and in the cache; what is nowhere is fetched when a workload needs it.": "依次在 STEEPEST_DATA 指明的文件夹、已安装的包、Debian 包的位置和缓存中查找数据集；都没有时，在工作负载用到它时下载。",
    "Fetch data sets that are not on this machine, each checked, into the cache.": "把这台机器上没有的数据集下载到缓存，逐个校验。",
    "The cache is ~/.cache/steepest/data, or the folder data in what STEEPEST_CACHE names. A download that was"
    " interrupted goes on where it stopped.": "缓存是 ~/.cache/steepest/data，或 STEEPEST_CACHE 所指文件夹中的 data。中断的下载会从停下的地方继续。",
    "Data sets, such as clothes.": "数据集，例如 clothes。",
    # examples
    "all, and where they are": "全部，以及它们在哪里",
    "fetch one": "下载一个",
    "the lecture's five on handwritten digits": "课上的五个优化器，手写数字",
    "as it stands now": "按目前的进度",
    "then: tensorboard --logdir steepest-digits": "然后：tensorboard --logdir steepest-digits",
    "formula, settings, memory, stability, reference": "公式、设置、内存、稳定范围、出处",
    "what differs": "两者的差别",
    "side by side": "并排比较",
    "formula, gradient, minima, saddles": "公式、梯度、极小点、鞍点",
    "opens it in the browser": "在浏览器中打开",
    "a file to hand out": "可以分发的文件",
    "with what your own study found": "附上你自己的研究结果",
    "A finished study of several workloads: who was first on which, by how much.": "一项已完成的、含多个工作负载的研究：谁在哪个上最先到达，领先多少。",
    # options of all commands
    "Print the version.": "显示版本。",
    "Install completion for the current shell.": "为当前 shell 安装自动补全。",
    "Show completion for the current shell, to copy it or customize the installation.": "显示当前 shell 的自动补全脚本，以便复制或自定义安装。",
    "Show this message and exit.": "显示此帮助并退出。",
    "Language: en or zh; default: that of STEEPEST_LANG, or of the locale.": "语言：en 或 zh；默认取 STEEPEST_LANG，其次取系统区域设置。",
    # options of a comparison's devices
    "Where to train: cpu, cuda, cuda:1, mps, auto; or several: cuda:0,cuda:1.": "在何处训练：cpu、cuda、cuda:1、mps、auto；或多个：cuda:0,cuda:1。",
    "Runs that share a device; default: one, on a CPU one a core.": "共用一个设备的运行数；默认为一个，在 CPU 上为每核一个。",
    # options of landscapes
    "Rules, such as sgd or 'adam(betas=(0.9, 0.98))'; see steepest list.": "优化器，例如 sgd 或 'adam(betas=(0.9, 0.98))'；参见 steepest list。",
    "Rules, such as sgd or 'adam(lr=0.1)'; each gets a panel.": "优化器，例如 sgd 或 'adam(lr=0.1)'；每个占一幅图。",
    "A landscape, or a formula such as '0.1*x**2 + 2*y**2'.": "地形，或公式，例如 '0.1*x**2 + 2*y**2'。",
    "A formula of your own instead, such as 'x*cos(pi*x)' or '2x² + |y|'.": "改用自己的公式，例如 'x*cos(pi*x)' 或 '2x² + |y|'。",
    "First point, such as -1.2,1.": "起点，例如 -1.2,1。",
    "Learning rate of the rules not given their own; default: one that suits the landscape.": "未单独指定学习率的优化器的学习率；默认为适合该地形的值。",
    "Learning rate, where it is not swept; default: each rule's own.": "学习率（不在扫描之列时）；默认为各优化器自己的值。",
    "Number of updates.": "更新的步数。",
    "Another hyperparameter, such as momentum=0.9; repeat for more.": "另一个超参数，例如 momentum=0.9；可重复给出。",
    "Learning rate over the steps: cosine, 'exponential(0.1)', inverse_sqrt, warmup_cosine.": "学习率随步数的调度：cosine、'exponential(0.1)'、inverse_sqrt、warmup_cosine。",
    "Standard deviation of the noise added to each gradient.": "加在每个梯度上的噪声的标准差。",
    "Seed of the noise.": "噪声的随机种子。",
    "Draw the paths to a .png, .svg or .pdf file, or animate them: .gif, .webp, .mp4, .html.": "把轨迹画到 .png、.svg 或 .pdf 文件，或做成动画：.gif、.webp、.mp4、.html。",
    "Draw the landscape as a surface.": "把地形画成曲面。",
    "A .py file with rules of your own; repeat for more.": "含自己的优化器的 .py 文件；可重复给出。",
    "with rules of your own": "加上自己的优化器",
    "The part that is drawn, such as -5:5,-5:5; default: chosen for the paths.": "所画的区域，例如 -5:5,-5:5；默认按轨迹选取。",
    "Pictures of an animation.": "动画的帧数。",
    "Light on dark paper.": "深色背景。",
    "Starts along each side.": "每边的起点数。",
    "Where the starts lie, such as -5:5,-5:5.": "起点所在的范围，例如 -5:5,-5:5。",
    "Draw the map to a .png, .svg or .pdf file.": "把地图画到 .png、.svg 或 .pdf 文件。",
    "A hyperparameter and its range, such as lr=1e-4:1 or betas.0=0:0.99; twice, across and up.": "一个超参数及其范围，例如 lr=1e-4:1 或 betas.0=0:0.99；给出两次，先横轴后纵轴。",
    "Values of each hyperparameter.": "每个超参数的取值个数。",
    # options of a comparison
    "What to train: names, also of sets (see steepest list), or your files; default: digits.": "训练什么：名称，包括集合的名称（参见 steepest list），或自己的文件；默认为 digits。",
    "A first look: small sizes, short runs, few trials and seeds.": "快速浏览：小规模、短运行，少量试验与种子。",
    "Rules with commas between, classes such as torch.optim:Rprop, or a .py file with your own; default: sgd,momentum,adagrad,rmsprop,adam.": "优化器，用逗号分隔；也可以是 torch.optim:Rprop 这样的类，或含有自己的优化器的 .py 文件；默认为 sgd,momentum,adagrad,rmsprop,adam。",
    "Settings to try in each search of an optimizer, its default first; default: 32.": "每轮搜索中每个优化器试验的设置数，首先是其默认设置；默认 32。",
    "Fresh seeds on which the winners run again; default: 12.": "各优化器最佳设置重跑所用的新种子数；默认 12。",
    "Independent searches of each optimizer; default: 2 (1 with one seed).": "每个优化器的独立搜索轮数；默认 2（只有一个种子时为 1）。",
    "Seeds of a search: every trial runs on one, the four best on all; default: 3.": "每轮搜索的种子数：每次试验用其中一个，最好的四次用全部；默认 3。",
    "Seed of the quasi-random settings; another one tries others.": "拟随机设置的种子；换一个就试另一批设置。",
    "Updates a run; default: the workload's.": "每次运行的步数；默认为工作负载自己的。",
    "Value of the metric to reach; default: the workload's.": "指标要达到的目标值；默认为工作负载自己的。",
    "Examples a step; 1,10,100,all compares them with each other.": "每步的样本数；1,10,100,all 则相互比较。",
    "What to search: lr=1e-4:1 for all, adam.lr=1e-3:0.1 for one, batch_size=16,32 for values; repeat for more.": "搜索什么：lr=1e-4:1 用于全部，adam.lr=1e-3:0.1 只用于一个，batch_size=16,32 为若干值；可重复给出。",
    "Try all combinations of values instead: lr=1e-3,1e-2; repeat for more settings.": "改为试验各值的全部组合：lr=1e-3,1e-2；可重复给出更多设置。",
    "Try the settings listed by optimizer in this file, .json or .toml, instead.": "改为试验此文件（.json 或 .toml）中按优化器列出的设置。",
    "Draw each trial after the results of the earlier ones, by Optuna: tpe, cmaes, gp, random.": "由 Optuna 根据先前结果抽取每次试验的设置：tpe、cmaes、gp、random。",
    "Learning rate over the steps: constant, linear, cosine, warmup, warmup+cosine, or torch.optim.lr_scheduler:OneCycleLR; default: the workload's scheduler, or constant.": "学习率随步数的调度：constant、linear、cosine、warmup、warmup+cosine，或 torch.optim.lr_scheduler:OneCycleLR；默认为工作负载自己的 scheduler，没有则为 constant。",
    "With --resume: do runs again that failed (memory, time, disk, a crash): failed.": "与 --resume 连用：重做失败的运行（内存、时间、磁盘、崩溃）：failed。",
    "Write the page again while the study runs; it loads itself anew.": "研究运行期间不断重写页面；页面会自动刷新。",
    "Add seeds until the first is told apart, up to so many; the looks share 5 %.": "不断增加种子，直到分出第一名或达到此数；各次检验共用 5% 的错误率。",
    "Time that it may take, such as 30m: chooses trials, seeds and searches.": "可用的时间，如 30m：据此选定试验数、种子数和搜索轮数。",
    "Runs that it may take, instead of a time.": "可用的运行次数，代替时间。",
    "What a budget gives every optimizer the same of: trials, or seconds.": "预算按什么平分给各优化器：trials（试验数）或 seconds（秒数）。",
    "Stop hopeless trials early, by one rule for all optimizers.": "按对所有优化器相同的规则，提前停止无望的试验。",
    "Do not train the two best once more for pictures in the report.": "不为报告中的图片把最好的两个再训练一遍。",
    "Go on beyond the range where the best trial lies at its edge.": "最佳试验位于范围边缘时，继续搜索到范围之外。",
    "Processes; default: one a core.": "进程数；默认每核一个。",
    "Where: processes, or ray (RAY_ADDRESS names a cluster).": "在哪里运行：processes（本机进程），或 ray（RAY_ADDRESS 指定集群）。",
    "Seconds after which a run is given up, or its data() or model().": "一次运行、或其 data() 或 model() 超过多少秒就放弃。",
    "Many runs trained as one, the same to rounding: auto (where it is faster), on, off.": "许多次运行合为一体训练，结果在舍入误差内相同：auto（更快时才用）、on、off。",
    "Folder for the study; default: steepest-WORKLOAD here.": "研究所在的文件夹；默认为当前目录下的 steepest-工作负载。",
    "Go on with the study in this folder (or of this file, packed or not).": "继续这个文件夹（或这个文件，打包与否均可）中的研究。",
    "The file to write, NAME.sqlite.xz; default: the folder's name, here.": "要写的文件，NAME.sqlite.xz；默认用文件夹的名称，写在当前文件夹。",
    "A study: its folder, or its file, packed or not; finished or not.": "一项研究：其文件夹或其文件，打包与否、完成与否均可。",
    "With --resume: more optimizers, as for --optimizers.": "与 --resume 同用：再加优化器，写法同 --optimizers。",
    "With --resume: more seeds for the winners.": "与 --resume 同用：为获胜设置再加种子。",
    "With --resume: more trials in each search.": "与 --resume 同用：每轮搜索再加试验。",
    # options of other commands
    "A study: its folder, or its file study.sqlite; finished or not.": "一项研究：其文件夹，或其文件 study.sqlite；完成与否均可。",
    "Tables to write: csv, parquet, md, tensorboard, jsonl, mlflow; with commas between.": "要写的表格：csv、parquet、md、tensorboard、jsonl、mlflow；用逗号分隔。",
    "Folder to write to; default: the study's own.": "写到哪个文件夹；默认为研究自己的。",
    "Rules, such as adam or 'sgd(momentum=0.9)', or landscapes.": "优化器，例如 adam 或 'sgd(momentum=0.9)'；或地形。",
    "Every rule, side by side.": "全部优化器，并排显示。",
    "What differs between two rules.": "两个优化器的差别。",
    "Only the equations, as LaTeX.": "只显示公式，LaTeX 格式。",
    "Write the page to this file instead of opening it.": "把网页写到这个文件，而不打开。",
}
"""Help texts by their English paragraphs, on one line each."""

PANELS = {
    "OPTIONS_PANEL_TITLE": "选项",
    "ARGUMENTS_PANEL_TITLE": "参数",
    "COMMANDS_PANEL_TITLE": "命令",
    "DEFAULT_STRING": "[默认：{}]",
    "REQUIRED_LONG_STRING": "[必填]",
}
"""What `typer.rich_utils` prints around the help texts, by its names."""

USAGE = {
    "Usage:": "用法：",
    "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 [参数]...",
}
"""The words of the line of usage."""
