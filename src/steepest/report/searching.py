"""Sentences about how trials got their settings: by chance, from a grid or a list, or by a sampler."""

from ..base.text import Text
from ..study import Comparison, Plan

__all__ = ["SAMPLER_TITLES", "points_text", "search_warnings"]

SAMPLER_TITLES = {"tpe": "TPE", "cmaes": "CMA-ES", "gp": "Gaussian process", "random": "random search"}
"""Optuna's samplers as people write them."""


def points_text(plan: Plan) -> Text:
    """What the trials of a plan are."""
    if plan.search == "grid":
        return Text("every combination of the values given", "所给各值的全部组合")
    if plan.search == "list":
        return Text("settings listed by hand", "手工列出的设置")
    points = Text(f"scrambled Sobol points, seed {plan.points_seed}", f"加扰 Sobol 点，种子 {plan.points_seed}")
    if plan.is_adaptive:
        title = SAMPLER_TITLES[plan.search]
        points = Text(
            f"drawn by Optuna's {title}, seed {plan.points_seed}", f"由 Optuna 的 {title} 抽取，种子 {plan.points_seed}"
        )
    if plan.default_trial:
        points = Text(f"the default setting, then {points.en}", f"先是默认设置，其后为{points.zh}")
    return points


def search_warnings(comparison: Comparison) -> list[Text]:
    """What a reader must know of the search: that it was adaptive, or that optimizers had unequal numbers of trials."""
    plan, warnings = comparison.plan, []
    if plan.is_adaptive:
        title = SAMPLER_TITLES[plan.search]
        warnings.append(
            Text(
                f"Adaptive search: Optuna's {title} chose each trial's settings after the results of earlier ones. All"
                " have equal trials, but this is a search for the best settings, not a comparison by chance: who is"
                " first depends on the sampler, too.",
                f"自适应搜索：Optuna 的 {title} 根据先前试验的结果选择每次试验的设置。试验次数相同，但这是在寻找"
                "最佳设置，而非按随机点进行的比较：谁第一也取决于采样器。",
            )
        )
    numbers = {one.label: len(one.trials) // min(plan.searches, len(one.trials)) for one in plan.contestants}
    if plan.search in ("grid", "list") and len(set(numbers.values())) > 1:
        most, least = max(numbers, key=numbers.__getitem__), min(numbers, key=numbers.__getitem__)
        warnings.append(
            Text(
                f"Unequal search: {most} had {numbers[most]} settings to choose from, {least} {numbers[least]}; who has"
                " more is more likely to be first.",
                f"搜索不均等：{most} 有 {numbers[most]} 组设置可选，{least} 只有 {numbers[least]} 组；"
                "设置多者更容易第一。",
            )
        )
    return warnings
