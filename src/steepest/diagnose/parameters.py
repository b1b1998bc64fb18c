"""Norms and shares of all parameters in one step, in batched reductions: a handful of calls whatever the model."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..findings.catalogue import TRAINING
from .limits import limit_of, rule_in
from .record import LayerFacts, StepFacts

__all__ = ["MOST_COPIED", "Before", "dense", "norms", "params_of", "scale_free", "units_of"]

MOST_COPIED = 2**29
"""The most bytes of parameters that are copied in an observed step: 512 MiB."""

LEAST_BOUNDED = 8
"""Entries of a gradient, from which on it is looked whether most of them have the same size."""

HALF = (torch.float16, torch.bfloat16)
SECOND_MOMENTS = ("exp_avg_sq", "square_avg", "sum", "exp_inf")
"""Names of the states that eps is added to the root of; to the last one, largest gradients, it is added before."""

SCALE_FREE = (
    "adam", "lion", "sign", "rmsprop", "adagrad", "adadelta", "lamb", "muon", "soap", "prodigy", "adafactor", "rprop",
    "adabelief", "adan", "adopt", "ademamix", "lars", "mars", "shampoo", "kron",
)  # fmt: skip
"""Parts of the names of optimizers whose steps do not depend on the scale of the gradient."""


def scale_free(optimizers: Sequence[Any]) -> bool:
    """Whether no optimizer's steps depend on the scale of the gradient."""
    names = [type(optimizer).__name__.lower() for optimizer in optimizers]
    return bool(names) and all(any(part in name for part in SCALE_FREE) for name in names)


def dense(tensor: Tensor | None) -> bool:
    """Whether a tensor is an ordinary one of numbers: neither sparse nor sharded, quantized, or without its memory."""
    return (
        tensor is not None
        and tensor.layout == torch.strided
        and not (tensor.is_meta or tensor.is_quantized or tensor.is_nested)
        and type(tensor).__name__ != "DTensor"
        and tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size() * (0 not in tensor.stride())
    )


def norms(tensors: Sequence[Tensor]) -> list[float]:
    """The Euclidean norm of each tensor, with one transfer from a device."""
    if not tensors:
        return []
    return (
        torch.stack([norm.float() for norm in torch._foreach_norm(list(tensors), 2, torch.float32)]).tolist()
        if all(tensor.is_floating_point() and tensor.dtype != torch.float64 for tensor in tensors)
        else torch.stack([torch.linalg.vector_norm(tensor).float() for tensor in tensors]).tolist()
    )


def units_of(model: nn.Module) -> dict[int, int]:
    """The dimension of hidden units by the identity of a weight, without that of the outputs.

    It is 0, rows, of linear and convolution layers. Of matrices that a module keeps itself it is 1, columns, as in
    `inputs @ weight`: tables, whose rows are entries, have no columns that nothing reaches.
    """
    weights = [
        module._parameters.get("weight")  # `module.weight` computes one that is parametrized: a spectral norm moves on
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
    ]
    own = [
        param
        for module in model.modules()
        if not type(module).__module__.startswith("torch.") or isinstance(module, nn.ParameterList)
        for param in module._parameters.values()
        if param is not None and param.dim() == 2
    ]
    rows = {id(weight): 0 for weight in weights[:-1] if weight is not None}
    return rows | {id(param): 1 for param in own[: len(own) if weights else -1]}


Named = tuple[str, Tensor, dict[str, Any]]
"""A parameter with its name and the settings of its group."""


def params_of(optimizer: Any, names: dict[int, str]) -> list[Named]:
    """The parameters of an optimizer, by the names that a model has for their identities."""
    return [
        (names.get(id(param), f"parameter {index}"), param, group)
        for group in optimizer.param_groups
        for index, param in enumerate(group["params"])
    ]


class Before:
    """Parameters and gradients as an optimizer is about to step; `after` compares them with what it made of them.

    Args:
        params: what is stepped: more than `MOST_COPIED` bytes of them are not copied, and changes not measured.
        optimizer: what steps them.
        units: the dimension of hidden units by the identity of a weight (`units_of`).
        gauged: whether the largest stable change is wanted, too.
    """

    def __init__(self, params: Sequence[Named], optimizer: Any, units: Mapping[int, int], gauged: bool = True) -> None:
        kept = [
            (entry, entry[1].grad)
            for entry in params
            if dense(entry[1]) and dense(entry[1].grad) and entry[1].numel()  # an empty one has no largest entry
        ]
        self.params = [entry for entry, _ in kept]
        self.gradients = [gradient.detach() for _, gradient in kept if gradient is not None]
        self.optimizer, self.states, self.units = optimizer, optimizer.state, units
        self.gauged = gauged
        size = sum(param.numel() * param.element_size() for _, param, _ in self.params)
        self.partial = any(param.grad is not None and not dense(param.grad) for _, param, _ in params)
        self.copies = [param.detach().clone() for _, param, _ in self.params] if size <= MOST_COPIED else None
        self.no_limit = ""

    def after(self, raw: dict[int, float], scale: float = 1.0) -> StepFacts:
        """What the step has done.

        Args:
            raw: the norm of each gradient as the backward pass left it, by parameter.
            scale: factor of a gradient scaler, which is in these norms.
        """
        before = self.copies if self.copies is not None else [param.detach() for _, param, _ in self.params]
        changes = [param.detach() - copy for (_, param, _), copy in zip(self.params, self.copies or [], strict=False)]
        sizes, count = norms([*self.gradients, *before, *changes]), len(self.params)
        gradients, weights = sizes[:count], sizes[count : 2 * count]
        updates = sizes[2 * count :] or [math.nan] * count
        facts = StepFacts([], finite=all(map(math.isfinite, gradients)), partial=self.partial)
        if raw:
            facts.raw = math.hypot(*raw.values())
            if facts.raw > 0.99 * scale * math.hypot(*gradients):  # else the optimizer itself takes it out
                facts.raw, facts.scale = facts.raw / scale, scale
            facts.parallel = self._parallel(gradients, raw)
        if changes:
            products = _products(changes, self.gradients)
            facts.descent = math.nan if self.partial else -math.fsum(products)
            if self.gauged:
                facts.bound, self.no_limit = self._bound(changes, products)
            facts.unmoved = self._unmoved(changes)
        facts.bounded = self._bounded()
        zero = self._zero_rows()
        facts.layers = [
            LayerFacts(
                name,
                param.numel(),
                weight,
                gradient,
                update,
                zero.get(id(param), math.nan),
                _rate(group),
                dims=param.dim(),
            )
            for (name, param, group), weight, gradient, update in zip(
                self.params, weights, gradients, updates, strict=True
            )
        ]
        for layer, change, gradient in zip(facts.layers, changes, self.gradients, strict=False):
            if layer.weight > TRAINING.unmoved_size * math.sqrt(layer.size):
                pushed = gradient.ne(0)
                layer.unmoved = float((pushed & change.eq(0)).sum()) / max(int(pushed.sum()), 1)
        facts.decay = max((_setting(group, "weight_decay") for _, _, group in self.params), default=0.0)
        facts.momentum = max((_memory(group) for _, _, group in self.params), default=0.0)
        self._small_roots(facts)
        return facts

    def _parallel(self, gradients: Sequence[float], raw: dict[int, float]) -> bool:
        """Whether all gradients were shortened alike, as clipping by the norm and gradient scalers do."""
        pairs = [
            (norm, raw[id(param)])
            for (_, param, _), norm in zip(self.params, gradients, strict=True)
            if id(param) in raw
        ]
        longest, reached = max((pair[::-1] for pair in pairs), default=(0.0, 0.0))
        return all(abs(norm * longest - before * reached) <= 1e-3 * longest * reached for norm, before in pairs)

    def _bound(self, changes: Sequence[Tensor], products: Sequence[float]) -> tuple[float, str]:
        """The largest stable second-order change, of all groups together; and why there is none."""
        assert self.copies is not None
        total, groups = 0.0, dict[int, list[int]]()
        for place, (_, _, group) in enumerate(self.params):
            groups.setdefault(id(group), []).append(place)
        for places in groups.values():
            group = self.params[places[0]][2]
            rule = rule_in(self.optimizer, group)
            limit = rule if isinstance(rule, str) else limit_of(rule)
            if isinstance(limit, str):
                return math.nan, limit
            own = [changes[place] for place in places]
            states = [self.states.get(self.params[place][1], {}) for place in places]
            if not all(isinstance(state.get(name), Tensor) for state in states for name in limit.needs):
                return math.nan, "unknown"
            inner = {"grad": math.fsum(products[place] for place in places)}
            if "param" in dict(limit.parts):
                inner["param"] = math.fsum(_products(own, [self.copies[place] for place in places]))
            for name in limit.needs:
                inner[name] = math.fsum(_products(own, [state[name] for state in states]))
            total += limit.along(inner) if limit.rule is None else limit.entrywise(own, states, float(group["lr"]))
        return total, ""

    def _zero_rows(self) -> dict[int, float]:
        chosen = [
            (id(param), gradient.mT if self.units[id(param)] else gradient)
            for (_, param, _), gradient in zip(self.params, self.gradients, strict=True)
            if id(param) in self.units and gradient.shape[self.units[id(param)]] > 1
        ]
        if not chosen:
            return {}
        shares = torch.stack([(gradient.flatten(1).abs().amax(1) == 0).float().mean() for _, gradient in chosen])
        return dict(zip((key for key, _ in chosen), shares.tolist(), strict=True))

    def _bounded(self) -> float:
        """The share of entries at a bound that the gradients of several parameters have in common to the last bit."""
        kept = [gradient for gradient in self.gradients if gradient.numel() >= LEAST_BOUNDED]
        if len(kept) < 2 or any(gradient.is_complex() for gradient in kept):
            return 0.0
        largest = torch.stack([norm.float() for norm in torch._foreach_norm(kept, math.inf)]).tolist()
        bound = max(largest)
        if not (largest.count(bound) > 1 and 0 < bound < math.inf):
            return 0.0
        at_bound = torch.stack([(gradient.abs().float() == bound).sum() for gradient in kept])
        return float(at_bound.sum()) / sum(gradient.numel() for gradient in kept)

    def _unmoved(self, changes: Sequence[Tensor]) -> float:
        still = moved = 0
        for (_, param, group), change, gradient in zip(self.params, changes, self.gradients, strict=True):
            if param.dtype in HALF and not group.get("master_weights") and not group.get("stochastic_rounding"):
                pushed = gradient.ne(0)
                still += int((pushed & change.eq(0)).sum())
                moved += int(pushed.sum())
        return still / moved if moved else math.nan

    def _small_roots(self, facts: StepFacts) -> None:
        small = total = 0
        for _, param, group in self.params:
            eps = _setting(group, "eps")
            state = self.states.get(param, {})
            name = next((name for name in SECOND_MOMENTS if isinstance(state.get(name), Tensor)), None)
            if name is None or eps < 1e-7 or not dense(state[name]):
                continue
            moment = state[name]
            if name == "exp_avg_sq":
                betas, step = group.get("betas", (0.9, 0.999)), float(state.get("step", 1))
                moment = moment / (1 - float(betas[1]) ** max(step, 1)) if float(betas[1]) < 1 else moment
            positive = moment > 0
            root = moment - eps if name == "exp_inf" else moment.sqrt()
            small += int((positive & (root < eps)).sum())
            total += int(positive.sum())
            facts.eps = eps
        facts.small_root = small / total if total else math.nan


def _products(some: Sequence[Tensor], others: Sequence[Tensor]) -> list[float]:
    """The inner product of each pair of tensors, with one transfer from a device."""
    products = [torch.linalg.vecdot(*_flat(one, other)) for one, other in zip(some, others, strict=True)]
    alike = all(product.dtype == products[0].dtype for product in products)
    return torch.stack(products if alike else [product.double() for product in products]).tolist()


def _flat(*tensors: Tensor) -> list[Tensor]:
    """Tensors as vectors of one precision, at least float32."""
    flat = [
        torch.view_as_real(tensor.detach()).flatten() if tensor.is_complex() else tensor.detach().flatten()
        for tensor in tensors
    ]
    precise = any(tensor.dtype == torch.float64 for tensor in flat)
    return [tensor.double() if precise else tensor.float() for tensor in flat]


def _setting(group: dict[str, Any], name: str) -> float:
    value = group.get(name)
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0


def _rate(group: dict[str, Any]) -> float:
    rate = group.get("lr")
    return float(rate) if isinstance(rate, Real) and not isinstance(rate, bool) else math.nan


def _memory(group: dict[str, Any]) -> float:
    betas = group.get("betas")
    if isinstance(betas, tuple | list) and betas and isinstance(betas[0], Real):
        return float(betas[0])
    return max(_setting(group, "momentum"), _setting(group, "beta"))
