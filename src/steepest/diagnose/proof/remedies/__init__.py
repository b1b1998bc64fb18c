"""Which advice can be carried out on copies of model and optimizer, and how: the remedies of each finding.

A remedy changes a `Setup`, a training that is about to run. What no remedy is listed for is a change of the user's own
code. Findings about the initial state, or the scale of data, are tried from the start only.
"""

from . import outputs, start, stepping, training
from .remedy import SEEN, Case, Makers, Remedy, Setup, Untried

__all__ = ["REMEDIES", "SEEN", "Case", "Remedy", "Setup", "Untried"]

REMEDIES: Makers = stepping.REMEDIES | training.REMEDIES | outputs.REMEDIES | start.REMEDIES
"""The remedies of each finding that has any, by code."""
