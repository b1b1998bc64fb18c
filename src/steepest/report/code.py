"""What to write in a script of one's own: a contestant at its best settings, as lines of Python and as a spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.spec import Spec, parse
from ..base.text import Text
from ..rules import RULES, WRAPPERS
from ..schedules import OF_THE_WORKLOAD
from ..study import Comparison, Contestant

__all__ = ["Recipe", "recipe_of", "spec_of"]


@dataclass(frozen=True)
class Recipe:
    """How to train by a contestant at some settings.

    Attributes:
        label: of the contestant.
        code: lines of Python: imports, the optimizer, and the scheduler if there is one.
        note: what else its runs had, and what a loop must do.
    """

    label: str
    code: str
    note: Text


def recipe_of(comparison: Comparison, label: str) -> Recipe:
    """The recipe of a contestant at the settings of its best trial."""
    contestant = next(one for one in comparison.plan.contestants if one.label == label)
    settings = comparison.chosen.get(label, dict(contestant.trials[0]))
    facts = comparison.facts_of_rule(contestant.rule)
    imports, optimizer = _optimizer(contestant, contestant.rule_settings(settings), facts)
    batch_size, steps, schedule = contestant.conditions(settings)
    lines = [optimizer]
    if schedule not in ("constant", OF_THE_WORKLOAD):
        imports.append("from steepest import schedules")
        lines.append(f"scheduler = schedules.scheduler(optimizer, {schedule!r}, steps={steps})")
    code = "\n".join([*sorted(imports), "", *lines])
    return Recipe(label, code, _note(schedule, batch_size, steps, facts))


def spec_of(rule: str, settings: Mapping[str, Any], tuples: Mapping[str, Any] | None = None) -> str:
    """A rule's spec with more settings, such as those of a trial, as `--optimizers` takes it.

    Args:
        rule: the spec of a contestant.
        settings: by name; `betas.1` is the second number of `betas`.
        tuples: the defaults of settings of several numbers.

    >>> spec_of("adam(eps=1e-6)", {"lr": 0.0123}), spec_of("torch.optim:Rprop", {"lr": 0.1})
    ('adam(eps=1e-06, lr=0.0123)', 'torch.optim:Rprop(lr=0.1)')
    >>> spec_of("adam", {"lr": 0.1, "betas.1": 0.98}), spec_of("lookahead(adamw(eps=1e-6), k=4)", {"lr": 0.1})
    ('adam(lr=0.1, betas=(0.9, 0.98))', 'lookahead(adamw, eps=1e-06, k=4, lr=0.1)')
    """
    spec = parse(rule)
    arguments = _merged(spec, settings, tuples)
    if spec.inner is not None:
        return f"{spec.name}({_without_settings(spec.inner)}{_arguments(arguments, ', {}')})"
    return f"{_without_settings(rule)}{_arguments(arguments, '({})')}"


def _without_settings(rule: str) -> str:
    """A spec without its settings: those of all rules inside one another can be given to the outermost."""
    spec = parse(rule)
    if spec.inner is not None:
        return f"{spec.name}({_without_settings(spec.inner)})"
    where = spec.file or spec.module
    return f"{where}:{spec.name}" if where else spec.name


def _merged(spec: Spec, settings: Mapping[str, Any], tuples: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a spec and those of a trial; numbers of a tuple are put into its default."""
    inside = spec.innermost
    known = RULES.built_in.get(inside.name.lower()) if not (spec.file or spec.module) else None
    defaults: Mapping[str, Any] = known.defaults() if known else tuples or {}
    merged = dict(spec.kwargs)
    for name, value in settings.items():
        whole, dot, index = name.rpartition(".")
        if not dot:
            merged[name] = value
        elif whole in merged or whole in defaults:
            numbers: list[Any] = list(merged.get(whole, defaults.get(whole, ())))
            numbers[int(index)] = value
            merged[whole] = tuple(numbers)
    return merged


def _arguments(settings: Mapping[str, Any], within: str) -> str:
    """`(lr=0.1, ...)`, or nothing where there are none."""
    return within.format(", ".join(f"{name}={value!r}" for name, value in settings.items())) if settings else ""


def _optimizer(contestant: Contestant, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[list[str], str]:
    """The imports, and the line that makes the optimizer."""
    spec, tuples = parse(contestant.rule), facts.get("tuples")
    arguments = _arguments(_merged(spec, settings, tuples), ", {}")
    built_in = RULES.built_in.get(spec.innermost.name.lower()) if not (spec.file or spec.module) else None
    module = Path(spec.file).stem if spec.file else spec.module
    if (
        facts["partner"]
        or (module is None and built_in is None)
        or (spec.module and not facts.get("external"))
        or (spec.inner is not None and module is not None)
    ):
        text = spec_of(contestant.rule, settings, tuples)  # a rule of a plugin, or for matrices, with its partner
        imports = ["from steepest.optim.routing import optimizer_of", "from steepest.rules import find"]
        return imports, f"optimizer = optimizer_of(find({text!r}), model)"
    if module is None:
        assert built_in is not None
        name, wrappers = built_in.__name__, _wrappers_of(spec)
        imported = ", ".join(sorted({name, *wrappers}))
        for wrapper in reversed(wrappers):
            name = f"{wrapper}({name})"
        return [f"from steepest import {imported}"], f"optimizer = {name}(model.parameters(){arguments})"
    made = [f"from {module} import {spec.name}"]
    if facts.get("external"):
        return made, f"optimizer = {spec.name}(model.parameters(){arguments})"
    return [*made, "from steepest import as_optimizer"], (
        f"optimizer = as_optimizer({spec.name})(model.parameters(){arguments})"
    )


def _wrappers_of(spec: Spec) -> list[str]:
    """The names in Python of the wrappers of a spec, the outermost first."""
    return [] if spec.inner is None else [WRAPPERS[spec.name.lower()].__name__, *_wrappers_of(parse(spec.inner))]


def _note(schedule: str, batch_size: int, steps: int, facts: Mapping[str, Any]) -> Text:
    examples = (
        Text(f", each of {batch_size:,} examples", f"，每步 {batch_size:,} 个样本") if batch_size else Text("", "")
    )
    english, chinese = [f"Its runs had {steps:,} steps{examples.en}."], [f"其运行为 {steps:,} 步{examples.zh}。"]
    if schedule == OF_THE_WORKLOAD:
        english.append("The scheduler is that of the workload's file.")
        chinese.append("调度器为工作负载文件中的 scheduler。")
    again = facts.get("closure") or facts.get("evaluations", 1) != 1
    if schedule != "constant" and again:
        english.append("Call scheduler.step() once for each gradient that optimizer.step() has evaluated.")
        chinese.append("optimizer.step() 每求一次梯度，就调用一次 scheduler.step()。")
    elif schedule != "constant":
        english.append("Call scheduler.step() after each optimizer.step().")
        chinese.append("每次 optimizer.step() 之后调用 scheduler.step()。")
    if facts.get("modes"):
        english.append("Call optimizer.train() before training, and optimizer.eval() before you evaluate or save.")
        chinese.append("训练前调用 optimizer.train()，评估或保存前调用 optimizer.eval()。")
    if again:
        english.append("Its step takes a closure that clears the gradients and computes the loss and them anew.")
        chinese.append("其 step 需要一个闭包：清空梯度，重新计算损失与梯度。")
    return Text(" ".join(english), "".join(chinese))
