"""The doctor beside runs of `steepest.training`: one by itself, or many that train as one."""

from .look import FirstLook, first_look
from .plain import BesidePlain
from .population import BesideMany
from .run import BUDGET, Beside

__all__ = ["BUDGET", "Beside", "BesideMany", "BesidePlain", "FirstLook", "first_look"]
