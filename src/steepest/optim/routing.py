"""One optimizer for a model of mixed parameters: Muon for the matrices inside, another rule for the rest."""

import math
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from ..rules import External, Rule, class_named, find
from . import SWITCHES, Optimizer, as_optimizer
from .checkpoints import check_checkpoint
from .external import Joined

__all__ = ["MuonWith", "optimizer_of"]

EMBEDDINGS = ("*embed*", "wte", "wpe")
HEADS = ("head", "*_head", "classifier")
"""What a part of the name of an embedding or of an output layer usually looks like."""

Named = list[tuple[str, Tensor]]


class MuonWith(Optimizer):
    """Muon for the matrices inside a network and a partner for all else, as one optimizer.

    Muon is meant for the weights between the layers. To the partner go vectors and scalars (biases, gains), embeddings,
    and the output layer: one named so ("head", "classifier"), or else the last matrix. `print(optimizer)` says where
    each one went and why; `to_muon` and `to_partner` decide otherwise.

    Each rule has a parameter group of its own with its own settings and the rule's name under `"rule"`, so schedulers,
    `state_dict` and everything else work as with any optimizer. (A scheduler that cycles the momentum does not: the two
    rules call it by different names.)

    Args:
        params: a model, its `named_parameters()`, or parameters (nameless ones are recognised by their shape alone).
        muon: the rule for matrices, by name or spec such as `"muon(lr=0.02)"`, or a rule.
        partner: the rule for the rest, likewise.
        to_muon: patterns of names, such as `"head.*"`, that Muon shall have all the same.
        to_partner: patterns of names that the partner shall have.

    Raises:
        InvalidValue: a pattern that no name matches, or a parameter for Muon that is not a matrix.
        UnknownName, UnknownSetting: a rule or a setting that does not exist.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    >>> optimizer = MuonWith(model, muon="muon(lr=0.02)", partner="adamw(lr=3e-4)")
    >>> print(optimizer)
    MuonWith
      muon   1.weight  8×4  a matrix inside the network
      adamw  0.weight  9×4  an embedding: each row is a vector of its own
      adamw  1.bias    8    not a matrix
      adamw  2.weight  2×8  the last matrix, taken for the output layer
      adamw  2.bias    2    not a matrix
    """

    def __init__(
        self,
        params: nn.Module | Iterable[Any],
        muon: str | Rule = "muon",
        partner: str | Rule = "adamw",
        *,
        to_muon: Sequence[str] = (),
        to_partner: Sequence[str] = (),
    ) -> None:
        self._caches, self._kept = [], {}
        rules = {"muon": self._rule_named(muon), "partner": self._rule_named(partner)}
        named = _named(params)
        reasons = _Reasons(named, _embeddings(params), to_muon, to_partner)
        groups: list[dict[str, Any]] = []
        for role, rule in rules.items():
            chosen = [(name, param, reasons.of(name, param)) for name, param in named]
            mine = [choice for choice in chosen if choice[2][0] == role]
            if mine:
                settings = {name: getattr(rule, name) for name in rule.hyperparameters()}
                why = {name: reason for name, _, (_, reason) in mine}
                pairs = [(name, param) for name, param, _ in mine]
                groups.append({"params": pairs, "rule": type(rule).__name__.lower(), "why": why} | settings)
        torch.optim.Optimizer.__init__(self, groups, {name: default for name, (default, _) in SWITCHES.items()})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group with its rule's name under `"rule"`; settings that it does not name take the rule's defaults."""
        if "rule" not in param_group:
            raise InvalidValue('MuonWith: say whose the group is, for example {"params": ..., "rule": "adamw"}')
        rule = self._rule_named(param_group["rule"])
        param_group = rule.translated(param_group)
        known = rule.hyperparameters().keys() | SWITCHES | {"params", "rule", "why"}
        if foreign := sorted(param_group.keys() - known):
            raise InvalidValue(f"MuonWith: {rule.title} has no {', '.join(foreign)}")
        params = _named(param_group["params"])
        group = {name: getattr(rule, name) for name in rule.hyperparameters()} | param_group
        super().add_param_group(
            group | {"params": params, "rule": type(rule).__name__.lower(), "why": group.get("why", {})}
        )

    def _rule_named(self, name_or_rule: str | Rule) -> Rule:
        rule = find(name_or_rule)
        if class_named(type(rule).__name__.lower()) is not type(rule):
            raise InvalidValue(f"MuonWith: {rule.title} is not one of steepest's own rules, or of a plugin's")
        return rule

    def _class(self, group: dict[str, Any]) -> type[Rule]:
        if (rule := class_named(group["rule"])) is None:
            raise InvalidValue(f"MuonWith: unknown rule {group['rule']!r} of a group")
        return rule

    def _check_checkpoint(self, given: dict[str, Any]) -> None:
        for ours, saved in zip(self.param_groups, given["param_groups"], strict=False):
            if saved.get("rule") != ours["rule"]:
                raise InvalidValue(
                    f"MuonWith: the checkpoint has {saved.get('rule')} where this one has {ours['rule']}"
                )
            if saved["param_names"] != ours["param_names"]:
                raise InvalidValue("MuonWith: the checkpoint sends other parameters to " + ours["rule"])
            alone = {"param_groups": [saved], "state": given["state"]}
            check_checkpoint(self._class(ours), [ours], alone)

    def __repr__(self) -> str:
        rows = [
            (group["rule"], name, "×".join(map(str, param.shape)) or "1", group["why"].get(name, "added later"))
            for group in self.param_groups
            for name, param in zip(group["param_names"], group["params"], strict=True)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
        return "\n".join(["MuonWith", *("  " + line for line in lines)])


class _MatrixRuleWith(MuonWith):
    """A rule for matrices, whichever file defines it, with its partner."""

    def __init__(self, model: nn.Module, rule: Rule) -> None:
        self._own: dict[str, type[Rule]] = {type(rule).__name__.lower(): type(rule)}
        super().__init__(model, muon=rule, partner=rule.partner)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_own": self._own}

    def _rule_named(self, name_or_rule: str | Rule) -> Rule:
        return (
            self._own[name_or_rule]()
            if isinstance(name_or_rule, str) and name_or_rule in self._own
            else find(name_or_rule)
        )

    def _class(self, group: dict[str, Any]) -> type[Rule]:
        return self._own.get(group["rule"]) or super()._class(group)


_MatrixRuleWith.__name__ = MuonWith.__name__  # in messages and tables; a pickle has the qualified name


def optimizer_of(rule: Rule, model: nn.Module, groups: Iterable[dict[str, Any]] | None = None) -> torch.optim.Optimizer:
    """The optimizer that trains all of a model by a rule; one for matrices is joined by its partner for the rest.

    The partner's learning rate follows from that of the rule, by `Rule.partner_lr` at the largest matrix, so that there
    is one learning rate to be searched; both have the same schedule.

    Args:
        rule: with its settings.
        model: what is trained.
        groups: parameter groups with settings of their own, in place of one group of all parameters.

    Raises:
        InvalidValue: the rule is for matrices, and the model has no matrix inside; or a group sets what it has not.
    """
    if rule.least_axes < 2 and isinstance(rule, External):
        optimizer: torch.optim.Optimizer = rule.make(model.parameters() if groups is None else groups)
        return optimizer
    if rule.least_axes < 2:
        settings = {name: getattr(rule, name) for name in rule.hyperparameters()}
        return as_optimizer(type(rule))(model.parameters() if groups is None else groups, **settings)
    if isinstance(rule, External):
        if groups is not None:
            raise InvalidValue(
                f"{rule.title}: makes its own parameter groups, but this session has some; choose another rule"
            )
        return _external_with_partner(rule, model)
    optimizer = _MatrixRuleWith(model, rule)
    matrices = [group for group in optimizer.param_groups if optimizer._class(group) is type(rule)]
    if not matrices:
        raise _no_matrix(rule)
    largest = max(matrices[0]["params"], key=Tensor.numel)
    for group in optimizer.param_groups[1:]:
        group["lr"] = rule.partner_lr(largest.shape[0], largest.numel() // largest.shape[0])
    if groups is not None:
        optimizer.param_groups = [part for group in optimizer.param_groups for part in _parts(rule, group, groups)]
    return optimizer


def _parts(rule: Rule, group: dict[str, Any], groups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The group of a rule, divided as a session divides the parameters, with what the session's groups set."""
    parts = []
    named = list(zip(group["param_names"], group["params"], strict=True))
    for own in groups:
        settings = {name: value for name, value in own.items() if name not in ("params", "param_names")}
        if foreign := sorted(settings.keys() - group.keys()):
            raise InvalidValue(f"{rule.title}: {group['rule']} has no {', '.join(foreign)}, which a group sets")
        params = [own["params"]] if isinstance(own["params"], Tensor) else own["params"]
        ids = {id(param[1] if isinstance(param, tuple) else param) for param in params}
        mine = [(name, param) for name, param in named if id(param) in ids]
        if mine:
            names, chosen = zip(*mine, strict=True)
            also = own.get("why", {})
            why = {name: ", ".join(filter(None, (group["why"][name], also.get(name)))) for name in names}
            parts.append(group | settings | {"params": list(chosen), "param_names": list(names), "why": why})
    return parts


def _no_matrix(rule: Rule) -> InvalidValue:
    return InvalidValue(
        f"{rule.title}: this model has no matrix between its first and its last layer; choose another rule"
    )


def _external_with_partner(rule: External, model: nn.Module) -> torch.optim.Optimizer:
    """A class for matrices trains those inside a network, and its partner, at the same learning rate, the rest."""
    named = _named(model)
    reasons = _Reasons(named, _embeddings(model), (), ())
    inside = [param for name, param in named if reasons.of(name, param)[0] == "muon" and param.ndim in rule.axes]
    if not inside:
        raise _no_matrix(rule)
    chosen = {id(param) for param in inside}
    others = [param for _, param in named if id(param) not in chosen]
    partner = find(rule.partner, **({} if math.isnan(rule.lr) else {"lr": rule.lr}))
    settings = {name: getattr(partner, name) for name in partner.hyperparameters()}
    return Joined([rule.make(inside), *([as_optimizer(type(partner))(others, **settings)] if others else [])])


class _Reasons:
    """Where each parameter goes, and why."""

    def __init__(self, named: Named, embeddings: set[int], to_muon: Sequence[str], to_partner: Sequence[str]) -> None:
        if isinstance(to_muon, str) or isinstance(to_partner, str):
            raise InvalidValue("MuonWith: to_muon and to_partner are lists of patterns")
        for pattern in (*to_muon, *to_partner):
            if not any(fnmatchcase(name, pattern) for name, _ in named):
                raise InvalidValue(f"MuonWith: no parameter's name matches {pattern!r}")
        self.embeddings, self.to_muon, self.to_partner = embeddings, to_muon, to_partner
        matrices = [name for name, param in named if param.ndim > 1 and id(param) not in embeddings]
        inside = [name for name in matrices if not _has_part(name, EMBEDDINGS)]
        heads = [name for name in inside if _has_part(name, HEADS)]
        self.last = None if heads or len(inside) < 2 else inside[-1]

    def of(self, name: str, param: Tensor) -> tuple[str, str]:
        """`"muon"` or `"partner"`, and the reason."""
        if _matches(name, self.to_partner):
            return "partner", "named in to_partner"
        if _matches(name, self.to_muon):
            if param.ndim < 2:
                raise InvalidValue(f"MuonWith: {name} is not a matrix, its shape is {tuple(param.shape)}")
            return "muon", "named in to_muon"
        if param.ndim < 2:
            return "partner", "not a matrix"
        if id(param) in self.embeddings or _has_part(name, EMBEDDINGS):
            return "partner", "an embedding: each row is a vector of its own"
        if _has_part(name, HEADS):
            return "partner", "the output layer, by its name"
        if name == self.last:
            return "partner", "the last matrix, taken for the output layer"
        return "muon", "a matrix inside the network" if param.ndim == 2 else "a filter inside the network, as a matrix"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _has_part(name: str, patterns: Sequence[str]) -> bool:
    return any(_matches(part, patterns) for part in name.split("."))


def _named(params: nn.Module | Iterable[Any]) -> Named:
    given = list(params.named_parameters()) if isinstance(params, nn.Module) else list(params)
    if any(isinstance(param, dict) for param in given):
        raise InvalidValue("MuonWith: give the model or its named parameters; it makes the groups itself")
    return [param if isinstance(param, tuple) else (f"parameter {index}", param) for index, param in enumerate(given)]


def _embeddings(params: nn.Module | Iterable[Any]) -> set[int]:
    modules = params.modules() if isinstance(params, nn.Module) else ()
    return {id(module.weight) for module in modules if isinstance(module, nn.Embedding | nn.EmbeddingBag)}
