"""A rule's facts in words, in two languages: memory, place of eps, strengths, failures, stable learning rates."""

from dataclasses import dataclass

import numpy as np

from ..base.errors import InvalidValue
from ..base.numbers import general
from ..base.text import Text, plain_line
from ..rules import Rule
from ..rules.words import CHINESE
from .latex import symbol_of
from .plain import plain
from .record import why_not_recorded
from .stability import stability_formula, stability_limit, stability_scales

__all__ = ["Facts", "Memory", "memory", "rule_facts", "stability", "word"]

BYTES = 4
"""Of a float32 number."""

SIDE = 256
"""Rows and columns of the matrix on which the memory of rules that need whole tensors is measured."""

LONGEST = 60
"""Characters of a formula that stands in a sentence."""

WORDS = {
    "memory": Text("memory", "内存"),
    "eps": Text("eps stands", "eps 位置"),
    "decay": Text("weight decay", "权重衰减"),
    "engine": Text("engine", "引擎"),
    "evaluates": Text("evaluates", "求值"),
    "helps": Text("helps", "长处"),
    "fails": Text("fails", "短处"),
    "stable": Text("stable", "稳定范围"),
    "reference": Text("reference", "出处"),
    "rule": Text("rule", "优化器"),
    "hyperparameter": Text("setting", "超参数"),
    "symbol": Text("symbol", "符号"),
    "default": Text("default", "默认值"),
    "value": Text("value", "取值"),
    "interval": Text("within", "范围"),
    "search": Text("searched", "搜索范围"),
    "about": Text("what it is", "含义"),
    "window": Text("window", "窗口"),
    "start": Text("start", "起点"),
    "minima": Text("minima", "全局极小点"),
    "local": Text("local minima", "局部极小点"),
    "saddles": Text("saddles", "鞍点"),
    "inflections": Text("inflections", "拐点"),
    "source": Text("source", "出处"),
    "class": Text("class", "类"),
    "teaches": Text("shows", "看点"),
    "none": Text("none", "无"),
    "nothing": Text("nothing", "无"),
    "on": Text("on", "开"),
    "off": Text("off", "关"),
    "summary": Text("is", "简介"),
}

DECAYS = {
    None: WORDS["none"],
    "coupled": Text("coupled: added to the gradient (L2)", "耦合：加到梯度上（L2）"),
    "decoupled": Text("decoupled: taken from the parameter itself", "解耦：直接从参数中减去"),
    "scaled": Text(
        "scaled: taken from the parameter, times the rule's own factor", "缩放：从参数中减去，乘以算法自身的系数"
    ),
}

Facts = dict[str, str]


def rule_facts(rule: Rule, lang: str = "en") -> Facts:
    """What is known of a rule, by label."""
    ranges = {name: field.metadata["facts"].search for name, field in rule.hyperparameters().items()}
    engine = _engine(rule, lang)
    facts = {
        "summary": plain_line(rule.summary(lang)),
        "memory": getattr(memory(rule).text(), lang),
        "eps": eps_place(rule, lang) or word("none", lang),
        "decay": getattr(DECAYS["decoupled" if getattr(rule, "decoupled_weight_decay", False) else rule.decay], lang),
        "helps": getattr(rule.helps, lang),
        "fails": getattr(rule.fails, lang),
        "stable": "" if engine else getattr(stability(rule), lang),
        "search": ", ".join(f"{name} {ends[0]:g} … {ends[1]:g}" for name, ends in ranges.items() if ends),
        "reference": rule.reference,
        "engine": engine,
    }
    return {word(name, lang): text for name, text in facts.items() if text}


def _engine(rule: Rule, lang: str) -> str:
    """Said only of a rule that has no program though it goes number by number, and why."""
    if not rule.elementwise or (reason := why_not_recorded(rule)) is None:
        return ""
    reason = reason.removeprefix(f"{rule.title}: ")
    eager = Text("eager only, slower, and no formula is printed", "仅逐步执行（eager）：较慢，且无法打印公式")
    return f"{getattr(eager, lang)}: {reason}"


@dataclass(frozen=True)
class Memory:
    """What a rule keeps: symbols of its states, bytes a parameter, numbers a tensor, whether size or shape matters."""

    symbols: list[str]
    size: float
    extra: int
    varies: bool

    def short(self, lang: str) -> str:
        """In a few words."""
        if not self.symbols:
            return str(getattr(WORDS["nothing"], lang))
        count = len(self.symbols)
        if lang == "zh":
            return f"{count} 个状态，{general(self.size, 3)} 字节"
        return f"{count} state{'s' * (count > 1)}, {general(self.size, 3)} bytes"

    def text(self) -> Text:
        """In a sentence."""
        if not self.symbols:
            return WORDS["nothing"]
        where = (f" ({SIDE} x {SIDE} matrix)", f"（{SIDE} x {SIDE} 矩阵）") if self.varies else ("", "")
        beside = (f"; {self.extra} more a tensor", f"；每个张量另存 {self.extra} 个数") if self.extra else ("", "")
        listed = ", ".join(self.symbols)
        return Text(
            f"{self.short('en')} a parameter in float32{where[0]}: {listed}{beside[0]}",
            f"每个参数 {self.short('zh')}（float32）{where[1]}：{listed}{beside[1]}",
        )


def memory(rule: Rule) -> Memory:
    """The numbers that a rule keeps for each parameter, measured on a matrix if it needs whole tensors.

    >>> from steepest.rules import Adam
    >>> memory(Adam()).text().en
    '2 states, 8 bytes a parameter in float32: m, v'
    """
    param = np.zeros(() if rule.elementwise else (SIDE, SIDE))
    states = {name: value for name, value in rule.init(param).items() if value is not None}
    own = [name for name in states if name not in rule.numbers]
    shares = [np.size(states[name]) / param.size if np.ndim(states[name]) else 1.0 for name in own]
    return Memory(
        symbols=[plain(symbol_of(rule, name)) for name in own],
        size=BYTES * sum(shares),
        extra=len(states) - len(own),
        varies=any(np.ndim(states[name]) and np.shape(states[name]) != param.shape for name in own),
    )


def eps_place(rule: Rule, lang: str = "en") -> str:
    """Where eps stands, with these settings."""
    place = "inside the root" if getattr(rule, "eps_inside_sqrt", False) else rule.eps_stands or ""
    return CHINESE.get(place, place) if lang == "zh" else place


def stability(rule: Rule) -> Text:
    """The largest stable learning rate, as a formula if it is short, and its value at curvature 1."""
    try:
        limit = stability_limit(rule, 1.0)
        formula = plain(stability_formula(rule) or "")
        scaled = bool(stability_scales(rule))
    except InvalidValue as error:
        reason = str(error).partition(": ")[2]
        return Text(f"no limit to state: {reason}", f"无法给出上限：{error.text('zh').partition('：')[2]}")
    lr = plain(symbol_of(rule, "lr"))
    short = f"{lr} < {formula} = {general(limit, 6)}" if 0 < len(formula) < LONGEST else f"{lr} < {general(limit, 6)}"
    if not scaled:
        return Text(f"{short} at curvature h = 1", f"曲率 h = 1 时 {short}")
    return Text(
        f"{short} at curvature h = 1, after division by the rule's scale", f"曲率（已除以算法自身尺度）h = 1 时 {short}"
    )


def word(name: str, lang: str) -> str:
    """The text of a label of `WORDS`, such as `memory`, in English (`"en"`) or Chinese (`"zh"`)."""
    return str(getattr(WORDS[name], lang))
