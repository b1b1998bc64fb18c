"""Studies: many runs of training, planned, executed, stored in one file and read back as tables.

`plan` fixes contestants (optimizers on workloads), their trials (settings) and seeds, as `planning` makes it; `store`
keeps plan and runs in one file, which is the queue, too; `runner` is the main loop; `workers` do the runs, as `jobs`;
`results` reads them.

The names below are loaded on first use, since a worker process needs none of them and starts faster without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plan import LECTURE_FIVE as LECTURE_FIVE
    from .plan import Contestant as Contestant
    from .plan import Goal as Goal
    from .plan import Plan as Plan
    from .planning import make_plan as make_plan
    from .results import Comparison as Comparison
    from .runner import carry_out as carry_out
    from .store import Store as Store

_MODULES = {
    "LECTURE_FIVE": "plan",
    "Comparison": "results",
    "Contestant": "plan",
    "Goal": "plan",
    "Plan": "plan",
    "Store": "store",
    "carry_out": "runner",
    "make_plan": "planning",
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and tells a misspelt name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
