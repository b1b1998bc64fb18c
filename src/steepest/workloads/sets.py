"""Named sets of workloads: a name for several, with the study that is made of them unless somebody says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import InvalidValue
from ..base.text import Text

__all__ = ["WorkloadSet", "check_set"]


@dataclass(frozen=True)
class WorkloadSet:
    """Several workloads that are compared together.

    Attributes:
        about: what they are, in a line.
        workloads: their names, as for `workloads.find`.
        study: options of `steepest.compare` that a study of them has by default: some of `optimizers`, `trials`,
            `seeds`, `searches`, `search_seeds` and `schedule`.
    """

    about: Text
    workloads: tuple[str, ...]
    study: Mapping[str, Any] = field(default_factory=dict)


def check_set(name: str, loaded: Any) -> WorkloadSet:
    """The set of a plugin: a `WorkloadSet`, or a list of names; raises if it is neither."""
    if isinstance(loaded, WorkloadSet):
        return loaded
    if isinstance(loaded, list | tuple) and loaded and all(isinstance(workload, str) for workload in loaded):
        return WorkloadSet(Text(", ".join(loaded), "、".join(loaded)), tuple(loaded))
    raise InvalidValue(f"{name} must be a steepest.workloads.WorkloadSet or a list of names of workloads")
