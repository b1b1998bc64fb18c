"""From a workload's file, loaded as a module, to its problem: four tensors, batches, or a `Problem`."""

from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.errors import InvalidValue
from ..base.modules import last_words
from .problem import Problem, check_facts

__all__ = ["problem_of"]

PARTS = ("data", "model", "loss", "target", "batches", "evaluate")

OF_BATCHES = ("batches", "evaluate")
"""Parts that say that a file is one of batches."""

LINES = (
    "target", "metric_name", "higher_is_better", "steps", "quick_steps", "batch_size", "accumulate", "clip_norm",
    "autocast", "ema", "compile", "about_zh",
)  # fmt: skip
"""Names of the numbers and texts that a file may set."""


def problem_of(module: ModuleType, name: str) -> Problem:
    """The problem that a module defines.

    Either `problem`, a `Problem` or a subclass of it, or the one subclass that stands in the file; or the functions
    that `workloads/supervised.py` or `workloads/batches.py` describes.

    Raises:
        InvalidValue: it is none of these, or a part of it is missing, of the wrong kind, or raises.
    """
    chosen = getattr(module, "problem", None)
    if not (isinstance(chosen, Problem) or _is_problem(chosen)):
        own = [value for value in vars(module).values() if _is_problem(value) and value.__module__ == module.__name__]
        if len(own) > 1:
            names = ", ".join(problem.__name__ for problem in own)
            line = f"problem = {own[0].__name__}"
            raise InvalidValue(f"{name}: defines several problems ({names}); say which, for example:  {line}")
        chosen = own[0] if own else None
    if chosen is not None:
        return _made(chosen, module, name)
    if not any(hasattr(module, part) for part in PARTS):
        raise InvalidValue(
            f"{name}: is no workload: it defines neither `data`, `model`, `loss` and `target` (see steepest.workloads."
            "supervised) nor `batches` and `evaluate` instead of `data` (see steepest.workloads.batches) nor a subclass"
            " of steepest.workloads.Problem"
        )
    _check_spelling(module, name)
    from . import batches, supervised  # which need torch, as the module does

    if not any(hasattr(module, part) for part in OF_BATCHES):
        return supervised.read(module, name)
    if callable(getattr(module, "data", None)) and hasattr(module, "batches"):
        raise InvalidValue(
            f"{name}: defines both `data` and `batches`, of which one is trained on; leave out one, or rename it"
        )
    if hasattr(module, "data") and not hasattr(module, "batches"):
        line = supervised.METRIC_LINE
        raise InvalidValue(f"{name}: `evaluate` goes with `batches`; with `data`, write for example:  {line}")
    return batches.read(module, name)


def _check_spelling(module: ModuleType, name: str) -> None:
    """Refuse a line that nothing reads where it is nearly one that is missing: the training would be another one."""
    missing = [line for line in LINES if not hasattr(module, line)]
    for own, value in vars(module).items():
        if isinstance(value, int | float | str) and own not in LINES and not own.startswith("_"):
            for line in get_close_matches(own.lower(), missing, n=1, cutoff=0.85):
                raise InvalidValue(f"{name}: `{own}` is read by nothing; did you mean `{line}`? (If not, rename it.)")


def _is_problem(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Problem) and value is not Problem


def _made(chosen: Problem | type[Problem], module: ModuleType, name: str) -> Problem:
    if isinstance(chosen, type):
        if "begin" in chosen.__abstractmethods__:
            line = "def begin(self, seed, device): return MySession(seed, device)"
            raise InvalidValue(f"{name}: `{chosen.__name__}` has no `begin`; add for example:  {line}")
        call = f"{chosen.__name__}()"
        try:
            chosen = chosen()
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{name}: `{call}` raised {last_words(error, name)}") from error
    about = (module.__doc__ or Path(name).stem).strip().partition("\n")[0]
    about_zh = str(getattr(module, "about_zh", about))
    problem = chosen.replace(name=name, about=chosen.about or about, about_zh=chosen.about_zh or about_zh)
    check_facts(problem)
    return problem
