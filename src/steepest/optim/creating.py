"""An optimizer for a whole model, with parameter groups by patterns of names and by classes of modules."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from ..base.numbers import general
from ..rules import External, Rule, find
from .routing import optimizer_of

__all__ = ["Selector", "create", "group_table"]

Selector = str | type[nn.Module]
"""A pattern of names, or a class of modules."""


@dataclass
class _Place:
    """A parameter of a model: all its names (more than one if it is tied), and the modules that have it."""

    param: Tensor
    names: list[str] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)

    def matches(self, selector: Selector) -> bool:
        """Whether a name or the module that has the parameter is selected."""
        if isinstance(selector, type):
            return any(isinstance(module, selector) for module in self.modules)
        if any(character in selector for character in ".*?["):
            return any(fnmatchcase(name, selector) for name in self.names)
        parts = [part for name in self.names for part in name.split(".")]
        parts += [type(module).__name__ for module in self.modules]
        return any(selector.lower() in part.lower() for part in parts)


def create(
    rule: str | Rule | type[Rule],
    model: nn.Module,
    *,
    no_decay: Sequence[Selector] = ("bias", "norm"),
    groups: Mapping[Selector, Mapping[str, Any]] | None = None,
    **settings: Any,
) -> torch.optim.Optimizer:
    """An optimizer for all parameters of a model that are to be trained, those selected by `no_decay` without decay.

    Args:
        rule: its name or spec, such as `"adamw(lr=3e-4)"`; a rule for matrices (`"muon"`) is joined by its partner,
            which trains the rest, as `MuonWith` has it; a class of another package is named `"torch.optim:RMSprop"`.
        model: what is trained. A frozen parameter (`requires_grad=False`) is left out; a tied one is there once, and is
            selected by any of its names.
        no_decay: what has a `weight_decay` of 0. A word such as `"norm"` selects what has it in a part of its name, or
            in the name of the module's class (`LayerNorm`), whatever the case; a pattern such as `"blocks.0.*"`, or
            what has a dot, the whole name; a class such as `torch.nn.Embedding` the module. What a method
            `no_weight_decay()` of the model names, as models of timm have it, is selected, too.
        groups: further settings by selector, such as `{"head": {"lr": 1e-2}}`; where several select a parameter, each
            setting is that of the first that has it.
        **settings: of the rule, such as `lr` and `weight_decay`; of two rules, `weight_decay` is that of both.

    Returns:
        The optimizer; `print(steepest.group_table(optimizer))` says which parameter is where, and why.

    Raises:
        UnknownName, UnknownSetting: a rule or a setting that does not exist.
        InvalidValue: a selector that selects nothing, other than the two that are selected by default; a model without
            parameters to train.

    >>> model = nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    >>> optimizer = create("adamw(lr=3e-4)", model, weight_decay=0.1, groups={nn.Embedding: {"lr": 1e-3}})
    >>> print(group_table(optimizer))
    AdamW: 3 groups, 54 parameters
      lr=0.001, weight_decay=0.1
        0.weight  9×4  36  Embedding
      lr=0.0003, weight_decay=0
        1.weight  4  4  no decay: norm
        1.bias    4  4  no decay: bias
        2.bias    2  2  no decay: bias
      lr=0.0003, weight_decay=0.1
        2.weight  2×4  8
    """
    chosen = find(rule, **settings)
    places = _places(model)
    if not places:
        raise InvalidValue("create: the model has no parameter that requires a gradient")
    named = getattr(model, "no_weight_decay", None)
    own = tuple(_exactly(name) for name in named()) if callable(named) else ()
    _check_selectors(places, [*_chosen_by_user(no_decay), *(groups or {})])
    decays = "weight_decay" in type(chosen).hyperparameters()
    parts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for place in places:
        extra: dict[str, Any] = {}
        reasons: list[str] = []
        for selector, more in (groups or {}).items():
            if place.matches(selector):
                extra |= {name: value for name, value in more.items() if name not in extra}
                reasons.append(_spelt(selector))
        if decays and (by := _first(place, (*own, *no_decay))) is not None:
            extra, reasons = extra | {"weight_decay": 0.0}, [*reasons, f"no decay: {_spelt(by)}"]
        elif decays and "weight_decay" in settings:
            extra = {"weight_decay": settings["weight_decay"]} | extra
        part = parts.setdefault(tuple(sorted(extra.items())), {"params": [], "why": {}} | extra)
        part["params"].append((place.names[0], place.param))
        part["why"][place.names[0]] = ", ".join(reasons + _ties(place))
    return _made(chosen, model, list(parts.values()))


def group_table(optimizer: torch.optim.Optimizer) -> str:
    """The parameter groups of an optimizer as text: the settings of each, and its parameters with the reasons.

    Parameters of blocks that are alike share a line, with `*` in the place of their number and how many they are. Of an
    optimizer that was made with names (`named_parameters()`, `create`, `MuonWith`) it shows these; of another, places.
    """
    groups = optimizer.param_groups
    shown = [name for name in ("rule", "lr", "weight_decay") if any(name in group for group in groups)]
    plain = (int, float, str, bool, tuple)
    shown += [
        name
        for name, value in groups[0].items()
        if name not in (*shown, "params", "param_names", "why") and isinstance(value, plain)
        if any(group.get(name) != value for group in groups)
    ]
    total = sum(param.numel() for group in groups for param in group["params"])
    lines = [f"{type(optimizer).__name__}: {len(groups)} groups, {total:,} parameters"]
    for group in groups:
        lines.append("  " + ", ".join(f"{name}={_value(group[name])}" for name in shown if name in group))
        rows = _rows(group)
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines += ["  ".join(["  ", *map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows]
    return "\n".join(lines)


def _rows(group: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, shape, number of parameters and reason; those of blocks that are alike together."""
    names = group.get("param_names") or [f"parameter {place}" for place in range(len(group["params"]))]
    why = group.get("why", {})
    first: dict[tuple[str, str, str], str] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[tuple[str, str, str]] = Counter()
    for name, param in zip(names, group["params"], strict=True):
        alike = re.sub(r"(?<![^.])\d+(?![^.])", "*", name), "×".join(map(str, param.shape)) or "1", why.get(name, "")
        counts[alike] += 1
        sizes[alike] += param.numel()
        first.setdefault(alike, name)
    return [
        (
            name if counts[alike] == 1 else f"{alike[0]} ({counts[alike]} of them)",
            alike[1],
            f"{sizes[alike]:,}",
            alike[2],
        )
        for alike, name in first.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = float(value)
    return general(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _places(model: nn.Module) -> list[_Place]:
    """The parameters of a model that require a gradient, in its order."""
    places: dict[int, _Place] = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, param in module.named_parameters(recurse=False):
            if param.requires_grad:
                place = places.setdefault(id(param), _Place(param))
                place.names.append(f"{prefix}.{name}" if prefix else name)
                place.modules.append(module)
    in_order = {id(param): name for name, param in model.named_parameters()}
    for key, place in places.items():
        place.names = list(dict.fromkeys([in_order[key], *place.names]))
    return [places[key] for key in in_order if key in places]


def _chosen_by_user(no_decay: Sequence[Selector]) -> list[Selector]:
    if isinstance(no_decay, str | type):
        raise InvalidValue(f"create: no_decay is a list of patterns and classes, got {no_decay!r}")
    return [selector for selector in no_decay if selector not in ("bias", "norm")]


def _check_selectors(places: Sequence[_Place], selectors: Iterable[Selector]) -> None:
    for selector in selectors:
        if not isinstance(selector, str) and not (isinstance(selector, type) and issubclass(selector, nn.Module)):
            raise InvalidValue(f"create: select by a pattern of names or a class of modules, got {selector!r}")
        if not any(place.matches(selector) for place in places):
            raise InvalidValue(f"create: {_spelt(selector)} selects no parameter of this model")


def _first(place: _Place, selectors: Iterable[Selector]) -> Selector | None:
    return next((selector for selector in selectors if place.matches(selector)), None)


def _exactly(name: str) -> str:
    """A pattern of this name alone, or of the parameters below it."""
    return f"{name.replace('[', '[[]')}*"


def _spelt(selector: Selector) -> str:
    return selector if isinstance(selector, str) else selector.__name__


def _ties(place: _Place) -> list[str]:
    return [f"tied to {name}" for name in place.names[1:]]


def _made(rule: Rule, model: nn.Module, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if not isinstance(rule, External):
        return optimizer_of(rule, model, groups)
    bare = [
        {name: value for name, value in group.items() if name != "why"}
        | {"params": [param for _, param in group["params"]]}
        for group in groups
    ]
    optimizer = optimizer_of(rule, model, bare)
    for group, own in zip(optimizer.param_groups, groups, strict=False):
        group["param_names"], group["why"] = [name for name, _ in own["params"]], own["why"]
    return optimizer
