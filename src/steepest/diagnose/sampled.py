"""Draws from distributions, noted while anybody asks for it: whether a gradient could come back through them.

`Distribution.sample` gives numbers without a graph. Where `rsample` exists, what the distribution was made of learns
from such a draw only by the logarithm of its probability, as policies do; a layer behind the draw sends nothing back.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from .parameters import dense

__all__ = ["Sample", "Samples"]

MOST = 64
"""Draws that are noted at most: those of a step."""

_lock = threading.RLock()  # a doctor may be collected, and its samples removed, while this thread has it
_open: list["Samples"] = []
_own: list[tuple[Any, str, Any]] = []


class Sample:
    """One draw.

    Attributes:
        source: its distribution.
        value: what was drawn.
        scored: whether the logarithm of a probability was asked of the distribution.
        used: whether a layer was called on it.
    """

    def __init__(self, source: Distribution, value: Tensor) -> None:
        self.source, self.value = source, value
        self.scored = self.used = False


class Samples:
    """Draws without a gradient of this thread, from when it is made until `remove`.

    >>> mean = torch.zeros(2, requires_grad=True)
    >>> samples = Samples()
    >>> value = torch.distributions.Normal(mean, 1.0).sample()
    >>> samples.remove()
    >>> [type(sample.source).__name__ for sample in samples.made]
    ['Normal']
    """

    def __init__(self) -> None:
        self.made: list[Sample] = []
        self._thread = threading.get_ident()
        with _lock:
            if not _open:
                _patch()
            _open.append(self)

    def use(self, values: Iterable[Any]) -> None:
        """Note that a layer was called on these arguments."""
        places = {value.untyped_storage().data_ptr() for value in values if isinstance(value, Tensor) and dense(value)}
        for sample in self.made:
            sample.used = sample.used or sample.value.untyped_storage().data_ptr() in places

    def remove(self) -> None:
        """Note no more of them."""
        with _lock:
            if self in _open:
                _open.remove(self)
                if not _open:
                    _put_back()

    def _note(self, source: Distribution, value: Any) -> None:
        ours = threading.get_ident() == self._thread and len(self.made) < MOST
        if ours and isinstance(value, Tensor) and not value.requires_grad and dense(value):
            self.made.append(Sample(source, value))

    def _score(self, source: Distribution) -> None:
        for sample in self.made:
            sample.scored = sample.scored or sample.source is source


def _kinds(kind: type[Distribution]) -> Iterator[type[Distribution]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _patch() -> None:
    for kind in dict.fromkeys(_kinds(Distribution)):
        for name, around in (("sample", _sampling), ("log_prob", _scoring)):
            own = vars(kind).get(name)
            if callable(own):
                _own.append((kind, name, own))
                setattr(kind, name, around(own))


def _put_back() -> None:
    while _own:
        kind, name, own = _own.pop()
        setattr(kind, name, own)


def _sampling(sample: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(sample)
    def sampling(self: Distribution, *args: Any, **kwargs: Any) -> Any:
        value = sample(self, *args, **kwargs)
        if torch.is_grad_enabled() and self.has_rsample and _learns(self):
            for samples in _open:
                samples._note(self, value)
        return value

    return sampling


def _scoring(log_prob: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(log_prob)
    def scoring(self: Distribution, *args: Any, **kwargs: Any) -> Any:
        for samples in _open:
            samples._score(self)
        return log_prob(self, *args, **kwargs)

    return scoring


def _learns(source: Distribution) -> bool:
    """Whether a distribution is made of tensors with a graph, or of a distribution that is."""
    parts = vars(source).values()
    return any(
        part.requires_grad if isinstance(part, Tensor) else isinstance(part, Distribution) and _learns(part)
        for part in parts
    )
