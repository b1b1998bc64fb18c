"""QK-Clip, of MuonClip: attention logits that grow too large are brought back by scaling the weights of their heads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from . import sharded

__all__ = ["QKClip"]


@dataclass
class _Attention:
    """The projections of one layer of attention, and the largest logit of each head since the last step."""

    query: nn.Linear
    key: nn.Linear
    heads: int
    key_heads: int
    scale: float
    last_query: Tensor | None = None
    largest: Tensor | None = None


class QKClip:
    r"""Bounds attention logits after each step of an optimizer: QK-Clip of MuonClip (Kimi Team 2025).

    $$\gamma_h = \min\left(1, \frac{\tau}{S_h}\right), \qquad
      W_q^h \leftarrow \gamma_h^{\alpha} W_q^h, \qquad W_k^h \leftarrow \gamma_h^{1 - \alpha} W_k^h$$

    where $S_h$ is the largest logit $q_i \cdot k_j / \sqrt{d}$ of head $h$ in the forward passes since the last step.
    Heads whose logits stay below $\tau$ are not touched, so that most steps change nothing. Queries that share a head
    of keys (grouped-query attention) are scaled with the largest of its logits. Biases are scaled as weights are.

    It watches two linear layers, `q = query(x)` and `k = key(x)`, called in this order, with `heads` blocks of rows.
    Their products are computed once more for that, in training mode only, before a rotation of positions, which may
    change a logit, and without a mask. What computes its logits itself reports them by `observe` instead.

    Args:
        optimizer: after whose steps weights are scaled, of any class.
        threshold: $\tau$.
        alpha: $\alpha$, the share of the correction that queries take.

    Raises:
        InvalidValue: a threshold that is not above 0, an alpha outside [0, 1], rows that heads do not divide.

    >>> query, key = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    >>> optimizer = torch.optim.SGD([*query.parameters(), *key.parameters()], lr=0.0)
    >>> clip = QKClip(optimizer, threshold=1.0).watch(query, key, heads=2)
    >>> x = 100 * torch.randn(1, 5, 4)
    >>> (query(x) * key(x)).sum().backward()
    >>> optimizer.step()
    >>> _ = query(x), key(x)
    >>> bool((clip.largest_logits(query) <= 1.001).all())
    True
    """

    def __init__(self, optimizer: torch.optim.Optimizer, threshold: float = 100.0, alpha: float = 0.5) -> None:
        if not threshold > 0:
            raise InvalidValue(f"QKClip: threshold must be above 0, got {threshold!r}")
        if not 0 <= alpha <= 1:
            raise InvalidValue(f"QKClip: alpha must lie in [0, 1], got {alpha!r}")
        self.threshold, self.alpha = threshold, alpha
        self._watched: list[_Attention] = []
        self._removers: list[Callable[[], None]] = [optimizer.register_step_post_hook(self._after_step).remove]

    def watch(
        self, query: nn.Linear, key: nn.Linear, heads: int, *, key_heads: int | None = None, scale: float | None = None
    ) -> "QKClip":
        """Watch a layer of attention.

        Args:
            query: projection of the queries, with `heads` blocks of rows.
            key: projection of the keys, with `key_heads` blocks of rows.
            heads: number of heads of the queries.
            key_heads: number of heads of the keys; default: the same.
            scale: of the logits; default: 1 / sqrt(rows of a head).
        """
        key_heads = heads if key_heads is None else key_heads
        rows = query.weight.shape[0] // max(heads, 1)
        if heads < 1 or key_heads < 1 or heads % key_heads or query.weight.shape[0] != rows * heads:
            raise InvalidValue(f"QKClip: {query.weight.shape[0]} rows are not {heads} heads in {key_heads} groups")
        if key.weight.shape[0] != rows * key_heads:
            raise InvalidValue(f"QKClip: the keys have {key.weight.shape[0]} rows, not {key_heads} heads of {rows}")
        attention = _Attention(query, key, heads, key_heads, rows**-0.5 if scale is None else scale)
        self._watched.append(attention)

        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            attention.last_query = output.detach() if module.training else None

        def compare(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if module.training and attention.last_query is not None:
                self.observe(query, _largest(attention, attention.last_query, output.detach()))
                attention.last_query = None

        self._removers += [query.register_forward_hook(keep).remove, key.register_forward_hook(compare).remove]
        return self

    def observe(self, query: nn.Linear, largest: Tensor) -> None:
        """Report the largest logit of each head of a watched layer in a forward pass, `largest` of shape (heads,)."""
        attention = self._of(query)
        if largest.shape != (attention.heads,):
            raise InvalidValue(f"QKClip: expected {attention.heads} logits, one a head, got {tuple(largest.shape)}")
        known = attention.largest
        attention.largest = largest.float() if known is None else torch.maximum(known, largest.float())

    def largest_logits(self, query: nn.Linear) -> Tensor | None:
        """The largest logit of each head since the last step, or None before any forward pass."""
        return self._of(query).largest

    def remove(self) -> None:
        """Watch no longer."""
        for remover in self._removers:
            remover()
        self._removers.clear()

    def _of(self, query: nn.Linear) -> _Attention:
        for attention in self._watched:
            if attention.query is query:
                return attention
        raise InvalidValue("QKClip: this layer is not watched; call watch(query, key, heads) first")

    @torch.no_grad()
    def _after_step(self, *_: Any) -> None:
        for attention in self._watched:
            if (largest := attention.largest) is None:
                continue
            attention.largest = None
            if torch.distributed.is_available() and torch.distributed.is_initialized():  # every rank saw its own batch
                torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
            grouped = largest.reshape(attention.key_heads, -1).amax(1)
            factor = (self.threshold / grouped.clamp(min=self.threshold)).nan_to_num(1.0)
            queries = factor.repeat_interleave(attention.heads // attention.key_heads)
            _scale(attention.query, queries**self.alpha)
            _scale(attention.key, factor ** (1 - self.alpha))


def _largest(attention: _Attention, query: Tensor, key: Tensor) -> Tensor:
    """The largest product of a query with a key, for each head; one example of a batch at a time."""
    found: Tensor | None = None
    for q, k in zip(query.flatten(0, -3), key.flatten(0, -3), strict=True) if query.ndim > 2 else [(query, key)]:
        heads = q.unflatten(-1, (attention.heads, -1)).transpose(0, 1).float()
        keys = k.unflatten(-1, (attention.key_heads, -1)).transpose(0, 1).float()
        keys = keys.repeat_interleave(attention.heads // attention.key_heads, 0)
        logits: Tensor = (heads @ keys.transpose(1, 2)).amax((1, 2)) * attention.scale
        found = logits if found is None else torch.maximum(found, logits)
    assert found is not None
    return found


def _scale(layer: nn.Linear, factors: Tensor) -> None:
    """Multiply each head's block of rows by its factor."""
    for param in (layer.weight, layer.bias):
        if param is not None:
            rows = factors.repeat_interleave(param.shape[0] // len(factors)).to(param)
            rows = rows.reshape(-1, *[1] * (param.ndim - 1))
            if sharded.is_sharded(param):
                whole = rows.expand(param.shape).contiguous()
                sharded.local(param).mul_(sharded.local(sharded.part_like(param, whole)))
            else:
                param.mul_(rows)
