"""Any rule as a `torch.optim.Optimizer`: `steepest.optim.Adam` and its siblings, one for every rule.

Editors and type checkers read their signatures from `__init__.pyi`, which `tools/stubs.py` prints from the rules.
"""

from .optimizer import *  # noqa: F403
from .signature import SWITCHES as SWITCHES
from .signature import document as document
from .wrappers import *  # noqa: F403
