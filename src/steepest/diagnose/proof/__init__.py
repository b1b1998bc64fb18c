"""Proof: a finding's advice is tried on copies of model and optimizer, against leaving things alone."""

from .experiment import Patient, prove
from .recording import KEPT, Recording
from .result import Proof, Trial

__all__ = ["KEPT", "Patient", "Proof", "Recording", "Trial", "prove"]
