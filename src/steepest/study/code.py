"""The code that a study's numbers come from: hashes of the workloads' and rules' files, and of what trains them.

Versions of libraries are no part of it: they are stored with each session, and the report says where they differ.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from .. import rules, schedules, workloads
from ..base.errors import InvalidValue
from ..base.modules import digests
from ..base.spec import parse
from ..rules import External, Reference, Rule
from .plan import Plan

__all__ = [
    "changed_code", "check_code", "check_files", "check_users_files", "code_fingerprint", "foreign_code",
]  # fmt: skip

PACKAGE = Path(rules.__file__).parent.parent

TRAINING = ("training", "optim", "program", "workloads", "ops.py", "schedules.py", "rules/base.py")
"""What of steepest decides a run's numbers, whatever the workload and the rule; their own files come beside it."""


def code_fingerprint(plan: Plan) -> dict[str, str]:
    """SHA-256 of the source that defines a workload or a rule, by path, or by name within steepest; of what trains.

    Files of the user's count with those beside them that they import, a plugin with its whole package and its version.
    """
    found = {**_training_code()}
    for goal in plan.workloads:
        file = workloads.file_of(goal.name)
        found |= digests(file) if goal.name.endswith(".py") else {_name(file): _digest(file)}
        found |= _of_plugin(workloads.PLUGINS.plugins.get(goal.name.partition("(")[0]))
    for text in {contestant.rule for contestant in plan.contestants}:
        found |= _of_rule(rules.resolve(text))
    for text in {contestant.schedule for contestant in plan.contestants}:
        if schedules.is_scheduler(text):
            found |= _of_module(str(parse(text).module))
    return dict(sorted(found.items()))


@cache
def _training_code() -> dict[str, str]:
    """A digest of each part of steepest in `TRAINING`; built-in workloads stand for themselves."""
    parts = {}
    for part in TRAINING:
        path = PACKAGE / part
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        own = [file for file in files if not (part == "workloads" and file.stem in workloads.WORKLOADS)]
        parts[f"{_name(path)}{'/' * path.is_dir()}"] = _digest_of(own)
    return parts


@cache
def _of_plugin(entry: EntryPoint | None) -> dict[str, str]:
    """The version of a plugin's distribution with a digest of the package that it is in, by the distribution's name."""
    if entry is None or entry.dist is None:
        return {}
    spec = find_spec(entry.module.partition(".")[0])
    folders = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return {entry.dist.name: f"{entry.dist.version} {_digest_of(files)}"}


def _of_rule(reference: Reference) -> dict[str, str]:
    """The file of the rule, and those of the rules that it derives from; of its partner, too."""
    found = _of_class(reference)
    if reference.module is not None:
        defined = reference.rule_class
        found |= _of_module((defined.optimizer_class if issubclass(defined, External) else defined).__module__)
    elif reference.source is None:
        found |= _of_plugin(rules.RULES.plugins.get(reference.name))
    if reference.rule_class.least_axes > 1:
        found |= _of_class(rules.resolve(reference.rule_class.partner))
    return found


@cache
def _of_module(module: str) -> dict[str, str]:
    """The version of the package that defines a class, with a digest of it; of torch, of the class's file."""
    top = module.partition(".")[0]
    if top == PACKAGE.name:  # which counts by its parts that train
        return {}
    try:
        number = version(top)
    except PackageNotFoundError:
        number = str(getattr(sys.modules[top], "__version__", ""))
    files = [Path(str(import_module(module).__file__))]
    if top != "torch":
        files += [file for folder in getattr(sys.modules[top], "__path__", ()) for file in Path(folder).rglob("*.py")]
    name = module if top == "torch" else top
    return {name: f"{number} {_digest_of(sorted(set(files)))}".strip()}


def _of_class(reference: Reference) -> dict[str, str]:
    own = {} if reference.source is None else reference.source.digests
    modules = {parent.__module__ for part in _parts(reference.rule_class) for parent in part.__mro__}
    modules = {name for name in modules if name not in ("abc", "builtins")}
    # a module of the user's may have left its name to another, so only libraries are looked up
    files = [Path(str(sys.modules[name].__file__)) for name in modules - {Rule.__module__} if name in sys.modules]
    return own | {_name(file): _digest(file) for file in files if not own or file.is_relative_to(PACKAGE)}


def _parts(rule: type) -> list[type]:
    """A rule, and those that a wrapped one is made of."""
    return [rule, rule.wrapper_class, *_parts(rule.inner_class)] if issubclass(rule, rules.Wrapped) else [rule]


def _name(file: Path) -> str:
    return str("steepest" / file.relative_to(PACKAGE)) if file.is_relative_to(PACKAGE) else str(file)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digest_of(files: Iterable[Path]) -> str:
    """One digest of several files, of their names and contents."""
    made = hashlib.sha256()
    for file in files:
        made.update(f"{file.name} {_digest(file)} ".encode())
    return made.hexdigest()


def check_files(known: str) -> None:
    """Check, before each run, that the user's files are as they were when the study began.

    Args:
        known: JSON of the study's `code_fingerprint`.

    Raises:
        InvalidValue: one has changed, or is gone.
    """
    for name, digest in json.loads(known).items():
        file = Path(name)
        if file.is_absolute() and (not file.is_file() or _digest(file) != digest):
            raise InvalidValue(
                f"{file} has changed since this study began, so it stops here; put the old code back and go on with"
                " steepest compare --resume FOLDER, or begin another in a new folder (--out)"
            )


def changed_code(known: str, plan: Plan) -> list[str]:
    """The files that are no longer what they were; `known` is the JSON of an earlier `code_fingerprint`."""
    before: dict[str, str] = json.loads(known)
    # a file of the user's whose import is not seen any more has changed all the same
    own = {name: _digest(Path(name)) for name in before if Path(name).is_absolute() and Path(name).is_file()}
    now = own | code_fingerprint(plan)
    return [file for file, digest in now.items() if before.get(file, digest) != digest]


def check_code(known: str, plan: Plan, folder: Path) -> None:
    """Check, before a study is resumed, that all its code, the package's and the user's, is as when it began.

    Args:
        known: JSON of the study's `code_fingerprint`.
        plan: of the study.
        folder: of the study, for the error message.

    Raises:
        InvalidValue: a file has changed, or one of the user's is gone; which, and what to do.
    """
    check_users_files(known, folder)
    _refuse(changed_code(known, plan), folder)


def check_users_files(known: str, folder: Path) -> None:
    """The part of `check_code` that runs nothing, so that no file runs that has changed; raises likewise."""
    files = {name: digest for name, digest in json.loads(known).items() if Path(name).is_absolute()}
    for name in files:
        if not Path(name).is_file():
            raise InvalidValue(f"{folder}: this study needs {name}, which is gone; put it back to go on")
    _refuse([name for name, digest in files.items() if _digest(Path(name)) != digest], folder)


def _refuse(changed: list[str], folder: Path) -> None:
    if changed:
        has = "has" if len(changed) == 1 else "have"
        raise InvalidValue(
            f"{folder}: {', '.join(changed)} {has} changed since this study began, so new runs would not compare with"
            " its own; begin another in a new folder (--out), or put the old code back"
        )


def foreign_code(plan: Plan) -> list[str]:
    """The files, and the names of plugins, whose code a study runs beside that of steepest; nothing is run for that."""
    named = [goal.name for goal in plan.workloads]
    names = [name if name.endswith(".py") else name.partition("(")[0].strip() for name in named]
    found = [name for name in names if name not in workloads.WORKLOADS]
    for contestant in plan.contestants:
        spec = parse(contestant.rule).innermost
        of_schedule = parse(contestant.schedule).module if schedules.is_scheduler(contestant.schedule) else None
        found += [module for module in (spec.module, of_schedule) if module and module.partition(".")[0] != "torch"]
        if spec.module:
            continue
        if spec.file or spec.name.lower() not in rules.RULES.built_in:
            found.append(spec.file or spec.name)
    return sorted(set(found))
