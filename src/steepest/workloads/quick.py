"""The quick size of a workload: small enough that a first look at a comparison takes seconds.

A family's module says it as `QUICK`: settings of the family, and `steps`. A file of a user's may have a line
`quick_steps = 50`. Any other workload stays as it is, with a quarter of its steps.
"""

from collections.abc import Mapping
from typing import Any

from ..base.errors import InvalidValue
from ..base.spec import parse
from .problem import Problem

__all__ = ["LEAST", "SHARE", "quick_name", "quick_steps"]

SHARE, LEAST = 0.25, 50
"""The share of a workload's steps that a quick run has where nothing else is said, and the least number of them."""


def quick_name(workload: str, quick: Mapping[str, Any]) -> str:
    """The member of a family that is its quick size; settings that the user chose stay.

    >>> quick_name("clothes(images=500)", {"width": 4, "images": 2000, "steps": 60})
    'clothes(images=500, width=4)'
    """
    spec = parse(workload, nested=False)
    if spec.args:
        raise InvalidValue(f"{workload!r}: name its settings for a quick size, as in {spec.name}(width=4)")
    settings = dict(spec.kwargs)
    settings |= {name: value for name, value in quick.items() if name != "steps" and name not in settings}
    inside = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return f"{spec.name}({inside})" if inside else spec.name


def quick_steps(problem: Problem, quick: Mapping[str, Any]) -> int:
    """The steps of a quick run; never more than those of a whole one.

    >>> from steepest.workloads import find
    >>> quick_steps(find("digits"), {}), quick_steps(find("digits"), {"steps": 20})
    (100, 20)
    """
    wanted = quick.get("steps") or problem.quick_steps or max(LEAST, round(SHARE * problem.steps))
    return min(int(wanted), problem.steps)
