"""The code that a study's numbers come from: hashes of the workloads' files and of the rules'."""

import hashlib
import json
import sys
from pathlib import Path

from .. import rules, workloads
from ..base.errors import InvalidValue
from ..base.modules import digests
from ..base.spec import parse
from ..rules import Reference, Rule
from .plan import Plan

__all__ = [
    "changed_code", "check_code", "check_files", "check_users_files", "code_fingerprint", "foreign_code",
]  # fmt: skip

PACKAGE = Path(rules.__file__).parent.parent


def code_fingerprint(plan: Plan) -> dict[str, str]:
    """SHA-256 of every source file that defines a workload or a rule, by path, or by name within steepest.

    Files of the user's count with those beside them that they import.
    """
    found: dict[str, str] = {}
    for goal in plan.workloads:
        file = workloads.file_of(goal.name)
        found |= digests(file) if goal.name.endswith(".py") else {_name(file): _digest(file)}
    for text in {contestant.rule for contestant in plan.contestants}:
        found |= _of_rule(rules.resolve(text))
    return dict(sorted(found.items()))


def _of_rule(reference: Reference) -> dict[str, str]:
    """The file of the rule, and those of the rules that it derives from."""
    own = {} if reference.source is None else reference.source.digests
    modules = {parent.__module__ for parent in reference.rule_class.__mro__ if issubclass(parent, Rule)}
    # a module of the user's may have left its name to another, so only libraries are looked up
    files = [Path(str(sys.modules[name].__file__)) for name in modules - {Rule.__module__} if name in sys.modules]
    return own | {_name(file): _digest(file) for file in files if not own or file.is_relative_to(PACKAGE)}


def _name(file: Path) -> str:
    return str("steepest" / file.relative_to(PACKAGE)) if file.is_relative_to(PACKAGE) else str(file)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


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
    before, now = json.loads(known), code_fingerprint(plan)
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
        spec = parse(contestant.rule)
        if spec.file or spec.name.lower() not in rules.RULES.built_in:
            found.append(spec.file or spec.name)
    return sorted(set(found))
