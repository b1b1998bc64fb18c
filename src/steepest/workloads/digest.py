"""Digests of tensors: the same for the same numbers of the same kind, to the last bit."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["add_tensors", "digest"]


def digest(tensors: "Iterable[Tensor]") -> bytes:
    """SHA-256 of tensors: of their numbers, types and shapes.

    >>> import torch
    >>> digest([torch.zeros(2)]) == digest([torch.zeros(2)]) != digest([torch.zeros(1, 2)])
    True
    """
    made = hashlib.sha256()
    add_tensors(made, tensors)
    return made.digest()


def add_tensors(digest: "hashlib._Hash", tensors: "Iterable[Tensor]", names: Iterable[str] = ()) -> None:
    """Feed tensors, and what they are called, to a hash."""
    import torch

    digest.update(repr(list(names)).encode())
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
