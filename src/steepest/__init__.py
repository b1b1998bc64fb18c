"""steepest: write an optimizer once, as its equation; watch it, compare it honestly, use it in PyTorch.

The names below are loaded when they are first used, so that `import steepest` costs nothing and the command line
answers before torch is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base.forking import without_forks

if TYPE_CHECKING:
    from . import hf as hf
    from . import statistics as statistics
    from .base.errors import SteepestError as SteepestError
    from .diagnose import Doctor as Doctor
    from .diagnose import watch as watch
    from .optim import *  # noqa: F403
    from .optim.creating import create as create
    from .optim.creating import group_table as group_table
    from .optim.lbfgs import LBFGS as LBFGS
    from .optim.qk_clip import QKClip as QKClip
    from .optim.routing import MuonWith as MuonWith
    from .paths.maps import BasinMap as BasinMap
    from .paths.maps import SweepMap as SweepMap
    from .paths.maps import map_basin as map_basin
    from .paths.maps import map_sweep as map_sweep
    from .paths.tracing import Path as Path
    from .paths.tracing import trace as trace
    from .paths.trajectories import Trajectories as Trajectories
    from .playground import play as play
    from .program.latex import latex as latex
    from .program.stability import stability_limit as stability_limit
    from .report.build import write_report as write_report
    from .rules import RULES as RULES
    from .rules import Rule as Rule
    from .study import Comparison as Comparison
    from .verbs import compare as compare

__version__ = "0.1.0"

_HOMES = {
    "BasinMap": "paths.maps",
    "Comparison": "study",
    "Doctor": "diagnose",
    "LBFGS": "optim.lbfgs",
    "MuonWith": "optim.routing",
    "Path": "paths.tracing",
    "QKClip": "optim.qk_clip",
    "RULES": "rules",
    "Rule": "rules",
    "SteepestError": "base.errors",
    "SweepMap": "paths.maps",
    "Trajectories": "paths.trajectories",
    "compare": "verbs",
    "create": "optim.creating",
    "group_table": "optim.creating",
    "hf": "hf",  # the module itself
    "latex": "program.latex",
    "map_basin": "paths.maps",
    "map_sweep": "paths.maps",
    "play": "playground",
    "stability_limit": "program.stability",
    "statistics": "statistics",  # the module itself
    "trace": "paths.tracing",
    "watch": "diagnose",
    "write_report": "report.build",
}


def _optimizers() -> list[str]:
    from .rules import BUILT_IN

    return [rule.__name__ for rule in BUILT_IN]


def _wrappers() -> list[str]:
    from .rules import WRAPPERS

    return [wrapper.__name__ for wrapper in WRAPPERS.values()]


if not TYPE_CHECKING:  # a type checker reads the imports above, and tells a misspelt name

    def __getattr__(name: str) -> Any:
        with without_forks:
            home = _HOMES.get(name)
            in_optim = ("Optimizer", "as_optimizer", *_optimizers(), *_wrappers())
            if home is None and not name.startswith("_") and name in in_optim:
                home = "optim"
            if home is None:
                raise AttributeError(f"module 'steepest' has no attribute {name!r}")
            module = import_module(f".{home}", __name__)
        value = module if home == name else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, *_optimizers(), *_wrappers(), "Optimizer", "as_optimizer", "__version__"])
