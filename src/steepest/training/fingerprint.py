"""The problem that a run solved, as a hash: runs are compared as pairs only where it is the same."""

import hashlib
import struct

from torch import Tensor

from ..workloads import Session
from ..workloads.digest import add_tensors

__all__ = ["fingerprint"]


def fingerprint(session: Session, loss: float) -> str:
    """SHA-256 of a session that has made no step yet: of what it says of its data, of its weights and of its loss."""
    weights = {name: value for name, value in session.model.state_dict().items() if isinstance(value, Tensor)}
    digest = hashlib.sha256(session.fingerprint())
    add_tensors(digest, weights.values(), weights)
    digest.update(struct.pack("<d", loss))
    return digest.hexdigest()
