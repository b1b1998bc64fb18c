"""Many runs: plan them, carry them out, store them, read them back."""

from .plan import LECTURE_FIVE, Contestant, Plan, make_plan
from .results import Comparison
from .runner import carry_out
from .store import Store

__all__ = ["LECTURE_FIVE", "Comparison", "Contestant", "Plan", "Store", "carry_out", "make_plan"]
