"""All workloads by name. A new one is a file here and its name in the list below; a user's own lies anywhere.

A workload is a file that defines a problem: four functions (see `supervised.py`), or a training loop of its own, as a
subclass of `Problem` (see `problem.py`). A family is a file with a function of its own name, whose settings make a
problem: `quadratic(condition=1000)`.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..base.guards import exits_raised
from ..base.modules import Source, importing, load
from ..base.plugins import Registry
from ..base.spec import Spec, parse
from ..base.text import Text
from .own import states
from .problem import Problem, Session
from .quick import quick_name, quick_steps
from .reading import problem_of
from .sets import WorkloadSet, check_set

__all__ = [
    "APPLICATIONS", "FAMILIES", "SETS", "WORKLOADS", "Problem", "Session", "WorkloadSet", "expanded", "file_of", "find",
    "metric_at_start", "quick", "summary",
]  # fmt: skip

APPLICATIONS = (
    "clothes",
    "photos",
    "diffusion",
    "language",
    "poems",
    "spelling",
    "captions",
    "board",
    "proteins",
    "selfplay",
)
"""Those in `applications/`."""

WORKLOADS = ("digits", "airfoil", "zipf", "quadratic", *APPLICATIONS)

FAMILIES = ("quadratic", *APPLICATIONS)


def _check_plugin(name: str, loaded: Any) -> Problem | Callable[..., Problem]:
    if isinstance(loaded, FunctionType):
        return loaded
    if isinstance(loaded, ModuleType):
        return problem_of(loaded, name)
    module = ModuleType(name)
    vars(module)["problem"] = loaded
    return problem_of(module, name)


PLUGINS = Registry[Problem | Callable[..., Problem] | None](
    dict.fromkeys(WORKLOADS), "steepest.workloads", _check_plugin
)
"""Workloads of plugins: modules such as the built-in files, problems, or functions that return one."""

SETS = Registry[WorkloadSet](
    {
        "applications": WorkloadSet(
            Text("What deep learning is used for: ten fields in small.", "深度学习用于何处：十个领域的缩小版。"),
            APPLICATIONS,
            {
                "optimizers": (
                    "sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "lion", "muon", "soap",
                    "schedulefreeadamw",
                ),
                "trials": 8, "seeds": 8, "search_seeds": 2, "schedule": "warmup+cosine",
            },
        )
    },
    "steepest.sets",
    check_set,
)  # fmt: skip
"""Named sets of workloads, also those of plugins."""


def expanded(workloads: str | Sequence[str]) -> list[str]:
    """The workloads by name, with those of a set in its place.

    >>> expanded(["digits", "applications"])[:2]
    ['digits', 'clothes']
    """
    names = [workloads] if isinstance(workloads, str) else workloads
    return [member for name in names for member in (SETS[name].workloads if name in SETS else (name,))]


def find(workload: str, try_out: bool = True) -> Problem:
    """A workload by name, by family such as `quadratic(condition=1000)`, or from a user's file.

    Args:
        workload: the name, or the path of the file.
        try_out: whether to go once through its parts, on the CPU, so that mistakes show here.

    Raises:
        UnknownName: no workload has this name.
        InvalidValue: the file is missing, raises, or lacks a part (which, and a line to add); or wrong settings of a
            family.

    >>> find("digits").target
    0.95
    >>> find("quadratic(condition=1000)").name
    'quadratic(condition=1000)'
    """
    name = _name(workload)
    if name not in WORKLOADS and name not in PLUGINS.plugins:
        _check_file(workload)
        if not _is_python(file_of(workload)):
            load(file_of(workload))  # raises, before torch is imported
    from .seeding import seeded

    with exits_raised(), seeded(0):  # also what a file draws while it is imported
        return _find(workload, try_out)


def quick(workload: str, try_out: bool = True) -> Problem:
    """A workload, given as to `find`, at its quick size: see `quick.py`.

    >>> quick("airfoil", try_out=False).steps < find("airfoil", try_out=False).steps
    True
    """
    name = _name(workload)
    module = None
    if name in FAMILIES:
        module = vars(_module(name))
    elif isinstance(member := PLUGINS.get(name), FunctionType):
        module = member.__globals__
    size = dict((module or {}).get("QUICK", {}))
    problem = find(quick_name(workload, size) if size else workload, try_out)
    return problem.replace(steps=quick_steps(problem, size))


def _check_file(workload: str) -> None:
    if not (workload.endswith(".py") or "/" in workload):
        name, hint = _name(workload), did_you_mean(_name(workload), [*PLUGINS, *SETS])
        raise UnknownName(f"unknown workload {name!r}; {hint} (or the path of your own file, such as my_workload.py)")


def _is_python(file: Path) -> bool:
    try:
        return bool(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return False


def _find(workload: str, try_out: bool) -> Problem:
    name = _name(workload)
    if name in WORKLOADS:
        return _checked(_built_in(workload.strip(), _states(workload)), try_out)
    if name in PLUGINS.plugins and (plugin := PLUGINS.get(name)):
        return _checked(
            plugin if isinstance(plugin, Problem) else _member_of_plugin(workload.strip(), _states(workload)), try_out
        )
    _check_file(workload)  # a plugin may have been left out just now
    source = load(file_of(workload))
    with importing(source.path.parent):
        return _checked(_of_source(source), try_out)


def _checked(problem: Problem, try_out: bool) -> Problem:
    if try_out:
        _try_out(problem)
    return problem


@cache
def _try_out(problem: Problem) -> float:
    return problem.try_out()


def metric_at_start(workload: str) -> float:
    """The metric at the initial weights of seed 0 of a workload, given as to `find`; raises as that does."""
    return _try_out(find(workload))


def file_of(workload: str) -> Path:
    """The file that defines a workload, which is given as to `find`.

    >>> file_of("quadratic(condition=1000)").name
    'quadratic.py'
    """
    name = _name(workload)
    if name in WORKLOADS:
        return Path(__file__).parent / ("applications" if name in APPLICATIONS else "") / f"{name}.py"
    if name in PLUGINS.plugins:
        spec = find_spec(PLUGINS.plugins[name].module)  # imports the packages that it is in, not itself
        if spec is None or spec.origin is None:
            raise InvalidValue(f"{name}: its module {PLUGINS.plugins[name].module} does not exist")
        return Path(spec.origin)
    return Path(workload).expanduser().resolve()


def _name(workload: str) -> str:
    return workload.partition("(")[0].strip()


def _states(workload: str) -> tuple[int, ...]:
    """Of the files and folders that the settings name: a problem whose data were edited is another one."""
    spec = parse(workload.strip(), nested=False)
    return states((*spec.args, *dict(spec.kwargs).values()))


@cache
def _built_in(text: str, states: tuple[int, ...]) -> Problem:
    spec = parse(text, nested=False)
    module = _module(spec.name)
    if spec.name in FAMILIES:
        return _member(getattr(module, spec.name), spec, text)
    if "(" in text:
        raise InvalidValue(f"{text!r}: {spec.name} takes no settings")
    return problem_of(module, spec.name)


def _module(name: str) -> ModuleType:
    return import_module(f"{'.applications' if name in APPLICATIONS else ''}.{name}", __name__)


def _member(family: Callable[..., Problem], spec: Spec, text: str) -> Problem:
    try:
        inspect.signature(family).bind(*spec.args, **dict(spec.kwargs))
    except TypeError:
        settings = ", ".join(inspect.signature(family).parameters)
        raise InvalidValue(f"{text!r}: {spec.name} takes {settings}") from None
    return family(*spec.args, **dict(spec.kwargs))


@cache
def _member_of_plugin(text: str, states: tuple[int, ...]) -> Problem:
    spec = parse(text, nested=False)
    return _member(cast("Callable[..., Problem]", PLUGINS[spec.name]), spec, text)


@cache
def _of_source(source: Source) -> Problem:
    return problem_of(source.module, str(source.path))


def summary(name: str, lang: str = "en") -> str:
    """The first line of the docstring of a workload's file, read without running it (that would import torch).

    With "zh" it is the text `about_zh` of the file, if there is one.

    >>> summary("digits").partition(":")[0]
    'Handwritten digits'
    """
    module = ast.parse(file_of(name).read_text(encoding="utf-8"))
    line = (ast.get_docstring(module) or "").partition("\n")[0]
    match [node.value for node in module.body if isinstance(node, ast.Assign) and _is_name(node.targets, "about_zh")]:
        case [ast.Constant(value=str(chinese))] if lang == "zh":
            return chinese
    return line


def _is_name(targets: list[ast.expr], name: str) -> bool:
    return [getattr(target, "id", None) for target in targets] == [name]
