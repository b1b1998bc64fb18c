"""The pictures of a watched training as data, each made of its record alone; the page's script draws them.

A picture is a dictionary for JSON, of one of two kinds.

lines: `steps` of all points, `lines` with their `values` (and `low` and `high` of each, where a point stands for many
    steps), horizontal `levels`, and `zones` of the vertical axis in which something is wrong. `axis` is "log" or
    "linear". `observed` is true where points are observed steps, which stand side by side whatever lies between them.
map: `rows` by observed `steps`, `cells` by row: a share in whole percent, or, with `log`, 50 times the decimal
    logarithm of a number, which is exact to 2.4 %, and a number of `maps.py` for 0.

Both have `title` and `alt`, each in English and Chinese, and lines a `name`. None stands for a number that is missing.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ...base.numbers import general, percent
from ...base.text import Text
from ...diagnose.gauge import step_size as sentence_of_gauge
from ...diagnose.record import Record, StepFacts, Tick
from ...findings.catalogue import TRAINING
from .losses import end_of, loss
from .maps import batches, gradient, silent, update
from .numbers import Picture, pair, shorts

__all__ = ["PICTURES", "pictures_of"]

Level = tuple[float, Text]
Zone = tuple[float | None, float | None, Text]
"""The lowest and the highest value, each None for no end, and what it means to be there."""

DEVIATION, MEAN = Text("standard deviation", "标准差"), Text("size of the mean", "均值的绝对值")


def pictures_of(record: Record) -> dict[str, Picture]:
    """All pictures that a record has numbers for, by name; what comes long after the last finite loss is left out."""
    last = record.losses.pieces().last_finite
    last = record.steps if last < 0 else last
    seen = replace(record, ticks=[tick for tick in record.ticks if tick.step <= end_of(record.steps, last)])
    made = {name: make(seen) for name, make in PICTURES.items()}
    return {name: picture for name, picture in made.items() if picture is not None}


def gain(record: Record) -> Picture | None:
    """The gain of each observed step."""
    return _lines(
        record,
        Text("Gain of each observed step", "各观察步的增益"),
        [(Text("gain", "增益"), lambda tick: tick.gain)],
        levels=[
            (1.0, Text("just what the gradient promised", "与梯度预测一致")),
            (0.0, Text("nothing gained", "损失未下降")),
        ],
        zones=[(None, TRAINING.overshoot, Text("overshoot", "越过谷底"))],
        limits=(-3.0, 2.0),
        points=True,
    )


def step_size(record: Record) -> Picture | None:
    """The curvature along each observed step, over the largest at which such steps are stable."""
    told = sentence_of_gauge(record)
    picture = _lines(
        record,
        Text("Step-size gauge: curvature along the step", "步长计：沿更新方向的曲率"),
        [(Text("curvature over the largest stable one", "曲率与最大稳定曲率之比"), lambda tick: tick.edge)],
        levels=[(1.0, Text("edge of stability", "稳定边界"))],
        limits=(-1.0, 3.0),
        points=True,
    )
    if picture is None or told is None:
        return None
    en, zh = told.happened(), told.happened("zh")
    return picture | {"note": [f"{en[:1].upper()}{en[1:]}.", f"{zh}。"]}


def norms(record: Record) -> Picture | None:
    """The norm of the gradient, as the backward pass left it and as the optimizer got it."""
    lines = [
        (Text("after the backward pass", "反向传播之后"), _of_step(lambda facts: facts.raw)),
        (Text("as the optimizer got it", "优化器得到的"), _of_step(lambda facts: facts.gradient)),
    ]
    return _lines(record, Text("Norm of the gradient", "梯度范数"), lines, log=True)


def weights(record: Record) -> Picture | None:
    """The norm of all parameters."""
    lines = [(Text("norm of the parameters", "参数范数"), _of_step(lambda facts: facts.weight))]
    return _lines(record, Text("Norm of all parameters", "所有参数的范数"), lines, log=True)


def shares(record: Record) -> Picture | None:
    """Shares of entries that a step does not change, or that eps outweighs."""
    lines = [
        (Text("entries that a step did not change", "未被改变的参数"), _of_step(lambda facts: facts.unmoved)),
        (
            Text("entries whose second moment eps outweighs", "二阶矩小于 eps 的参数"),
            _of_step(lambda facts: facts.small_root),
        ),
    ]
    zones = [(min(TRAINING.unmoved, TRAINING.small_root), None, Text("too many", "过多"))]
    return _lines(record, Text("Precision", "精度"), lines, zones=zones, limits=(0.0, 1.0), percents=True)


def rates(record: Record) -> Picture | None:
    """The learning rate of the first groups of parameters, and of the last one."""
    groups = max((len(tick.rates) for tick in record.ticks), default=0)
    shown = sorted({*range(min(groups, 3)), groups - 1}) if groups else []  # colours tell four lines apart

    def rate(group: int) -> Callable[[Tick], float]:
        return lambda tick: tick.rates[group] if group < len(tick.rates) else math.nan

    def name(group: int) -> Text:
        if groups == 1:
            return Text("learning rate", "学习率")
        return Text(f"learning rate of group {group + 1}", f"第 {group + 1} 组学习率")

    lines = [(name(group), rate(group)) for group in shown]
    return _lines(record, Text("Learning rate", "学习率"), lines, log=True)


def inputs(record: Record) -> Picture | None:
    """Mean and deviation of the first input."""
    lines: list[tuple[Text, Callable[[Tick], float]]] = [
        (DEVIATION, lambda tick: tick.inputs[0].deviation if tick.inputs else math.nan),
        (MEAN, lambda tick: abs(tick.inputs[0].mean) if tick.inputs else math.nan),
    ]
    title = Text("Scale of the inputs", "输入的尺度")
    return _lines(record, title, lines, levels=_suits(TRAINING.input_deviation), log=True)


def targets(record: Record) -> Picture | None:
    """Mean and deviation of the targets of regression."""

    def moments(tick: Tick) -> tuple[float, float]:
        known = tick.loss.targets if tick.loss is not None else None
        return (math.nan, math.nan) if known is None else known[1:]

    lines: list[tuple[Text, Callable[[Tick], float]]] = [
        (DEVIATION, lambda tick: math.sqrt(max(moments(tick)[1], 0.0))),
        (MEAN, lambda tick: abs(moments(tick)[0])),
    ]
    title = Text("Scale of the targets", "目标的尺度")
    return _lines(record, title, lines, levels=_suits(TRAINING.target_deviation), log=True)


def _suits(deviations: Sequence[float]) -> list[Level]:
    low, high = deviations
    return [(high, Text("largest deviation that suits", "合适的最大标准差")), (low, Text("least", "最小"))]


def _of_step(read: Callable[[StepFacts], float]) -> Callable[[Tick], float]:
    return lambda tick: math.nan if tick.update is None else read(tick.update)


def _lines(
    record: Record,
    title: Text,
    lines: Sequence[tuple[Text, Callable[[Tick], float]]],
    levels: Iterable[Level] = (),
    zones: Iterable[Zone] = (),
    limits: tuple[float, float] | None = None,
    log: bool = False,
    points: bool = False,
    percents: bool = False,
) -> Picture | None:
    """A picture of lines over the observed steps; None where no line has a number."""
    drawn, told, told_zh = [], [], []
    for name, read in lines:
        values = [read(tick) for tick in record.ticks]
        finite = [value for value in values if math.isfinite(value)]
        if not finite or (log and max(finite) <= 0):
            continue
        drawn.append({"name": pair(name), "values": shorts(values), "points": points})
        first, last, low, high = (
            percent(value) if percents else general(value, 3)
            for value in (finite[0], finite[-1], min(finite), max(finite))
        )
        told.append(f"{name.en} {first} – {last} ({low} … {high})")
        told_zh.append(f"{name.zh} {first} – {last} ({low} … {high})")
    if not drawn:
        return None
    return {
        "kind": "lines", "title": pair(title),
        "alt": [f"{title.en}: {'; '.join(told)}", f"{title.zh}：{'；'.join(told_zh)}"],
        "observed": True, "axis": "log" if log else "linear", "percents": percents, "limits": limits,
        "steps": [tick.step for tick in record.ticks], "lines": drawn, "gaps": [],
        "levels": [{"value": value, "name": pair(name)} for value, name in levels],
        "zones": [{"low": low, "high": high, "name": pair(name)} for low, high, name in zones],
    }  # fmt: skip


PICTURES: dict[str, Callable[[Record], Picture | None]] = {
    make.__name__: make
    for make in (
        loss,
        gain,
        step_size,
        update,
        silent,
        gradient,
        norms,
        weights,
        rates,
        shares,
        inputs,
        targets,
        batches,
    )
}
"""Each picture by its name, as `findings/lessons.toml` has it, in the order of a page."""
