"""The doctor: what is wrong with a training (`watch`)."""

from .doctor import Doctor, watch
from .finding import Diagnosis

__all__ = ["Diagnosis", "Doctor", "watch"]
