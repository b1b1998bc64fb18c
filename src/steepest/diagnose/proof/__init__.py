"""Proof: a finding's advice is tried on copies of model and optimizer, against leaving things alone."""

from .result import Proof, Trial

__all__ = ["Proof", "Trial"]
