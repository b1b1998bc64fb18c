"""steepest: write an optimizer once, as its equation; watch it, compare it honestly, use it in PyTorch.

The names below are loaded when they are first used, so that `import steepest` costs nothing and the command line
answers before torch is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import statistics as statistics
    from .comparison import Comparison as Comparison
    from .engines.latex import latex as latex
    from .engines.stability import stability_limit as stability_limit
    from .errors import SteepestError as SteepestError
    from .maps import BasinMap as BasinMap
    from .maps import SweepMap as SweepMap
    from .maps import map_basin as map_basin
    from .maps import map_sweep as map_sweep
    from .optim import *  # noqa: F403
    from .playground import play as play
    from .report import write_report as write_report
    from .routing import MuonWith as MuonWith
    from .rules import RULES as RULES
    from .rules import Rule as Rule
    from .tracing import Path as Path
    from .tracing import trace as trace
    from .trajectories import Trajectories as Trajectories
    from .verbs import compare as compare

__version__ = "0.1.0"

_HOMES = {
    "BasinMap": "maps",
    "Comparison": "comparison",
    "MuonWith": "routing",
    "Path": "tracing",
    "RULES": "rules",
    "Rule": "rules",
    "SteepestError": "errors",
    "SweepMap": "maps",
    "Trajectories": "trajectories",
    "compare": "verbs",
    "latex": "engines.latex",
    "map_basin": "maps",
    "map_sweep": "maps",
    "play": "playground",
    "stability_limit": "engines.stability",
    "statistics": "statistics",  # the module itself
    "trace": "tracing",
    "write_report": "report",
}


def _optimizers() -> list[str]:
    from .rules import RULES

    return [rule.__name__ for rule in RULES.values()]


if not TYPE_CHECKING:  # a type checker reads the imports above, and tells a misspelt name

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None and not name.startswith("_") and name in ("Optimizer", "as_optimizer", *_optimizers()):
            home = "optim"
        if home is None:
            raise AttributeError(f"module 'steepest' has no attribute {name!r}")
        module = import_module(f".{home}", __name__)
        value = module if home == name else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, *_optimizers(), "Optimizer", "as_optimizer", "__version__"])
