"""The code that a study's numbers come from: hashes of the workloads' files and of the rules'."""

import hashlib
import inspect
import json
from pathlib import Path

from .. import rules, workloads
from ..base.errors import InvalidValue
from ..rules import Rule
from .plan import Plan

__all__ = ["changed_code", "check_code", "code_fingerprint"]


def code_fingerprint(plan: Plan) -> dict[str, str]:
    """SHA-256 of every source file that says what is trained and how, by path, or by name within steepest."""
    files = {workloads.file_of(each.name) for each in plan.workloads}
    for spec in {each.rule for each in plan.contestants}:
        files |= _rule_files(type(rules.find(spec)))
    return {_name(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def _rule_files(rule: type[Rule]) -> set[Path]:
    """The file of the rule, and those of the rules that it derives from."""
    return {Path(inspect.getfile(each)) for each in rule.__mro__ if issubclass(each, Rule) and each is not Rule}


def _name(file: Path) -> str:
    package = Path(rules.__file__).parent.parent
    return str(Path("steepest") / file.relative_to(package)) if file.is_relative_to(package) else str(file)


def changed_code(known: str, plan: Plan) -> list[str]:
    """The files that are no longer what they were; `known` is the JSON of an earlier `code_fingerprint`."""
    before, now = json.loads(known), code_fingerprint(plan)
    return [file for file, digest in now.items() if before.get(file, digest) != digest]


def check_code(known: str, plan: Plan, folder: Path) -> None:
    """See that a study goes on with the code that it began with.

    Raises:
        InvalidValue: a file has changed; which, and what to do.
    """
    changed = changed_code(known, plan)
    if changed:
        has = "has" if len(changed) == 1 else "have"
        raise InvalidValue(
            f"{folder}: {', '.join(changed)} {has} changed since this study began, so new runs would not compare with"
            " its own; begin another in a new folder (--out), or put the old code back"
        )
