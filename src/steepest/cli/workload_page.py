"""What `steepest show` says of a workload or a set of workloads, and the picture of what a model learned on it."""

import io
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidValue
from ..base.files import check_place, write
from ..base.numbers import general
from .language import language, say, translate

if TYPE_CHECKING:
    from ..datasets.record import Dataset
    from ..program.showing import Page

__all__ = ["check_picture", "is_workload", "names", "save_picture", "set_page", "workload_page"]

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Endings of pictures, and what Pillow calls them."""


def names() -> list[str]:
    """The workloads and the sets of them that `steepest show` knows by name."""
    from .. import workloads

    return [*workloads.WORKLOADS, *workloads.PLUGINS.plugins, *workloads.SETS]


def is_workload(name: str) -> bool:
    """Whether a name is that of a workload and of no rule or landscape, or that of a file that defines a workload."""
    from .. import landscapes, rules, workloads

    head = name.partition("(")[0].strip()
    if head.endswith(".py"):
        return not _reads(rules.resolve_all, name) and _reads(partial(workloads.find, try_out=False), name)
    taken = (*rules.names(), *landscapes.LANDSCAPES, *landscapes.FAMILIES)
    return head not in taken and head in (*workloads.WORKLOADS, *workloads.PLUGINS.plugins)


def _reads(read: Callable[[str], object], name: str) -> bool:
    try:
        read(name)
    except InvalidValue:
        return False
    return True


def workload_page(name: str, lang: str) -> "Page":
    """What is trained, the metric to reach, what a run costs, its data, who was first on it, and what was learned."""
    from .. import workloads
    from ..program.showing import Page, Table
    from ..report.words import label_text
    from ..workloads.about import settings_of

    problem, head = workloads.find(name, try_out=False), name.partition("(")[0].strip()
    sign = "≥" if problem.higher_is_better else "≤"
    rows = [
        (translate("trained"), workloads.summary(head, lang)),
        (translate("target"), f"{say(label_text(problem.metric_name))} {sign} {general(problem.target, 4)}"),
        (translate("steps"), f"{problem.steps:,}"),
    ]
    if problem.batch_size is not None:
        rows.append((translate("batch size"), f"{problem.batch_size:,}"))
    if name == head:  # of other sizes and other data there is nothing to say
        rows += [*_measured(head), *_data(head), *_published(head)]
    rows.append((translate("compare"), f"steepest compare {shlex.quote(name)} --quick"))
    settings = [
        (setting, repr(default), *([about] if lang == "en" else []))
        for setting, (default, about) in settings_of(head).items()
    ]
    labels = ("setting", "default", *(["what it is"] if lang == "en" else []))
    return Page(name, [], Table(("", ""), rows), Table(tuple(map(translate, labels)), settings) if settings else None)


def _measured(name: str) -> Iterator[tuple[str, str]]:
    from ..workloads.about import measured_on

    if (measured := measured_on(name)) is not None:
        seconds = measured["cost"]["processor_seconds_a_run"].items()
        told = [translate("{} s with {}", general(value, 2), rule) for rule, value in seconds]
        yield translate("parameters"), f"{measured['parameters']:,}"
        yield translate("a run takes"), translate("; ").join(told)


def _data(name: str) -> Iterator[tuple[str, str]]:
    from ..workloads.about import datasets_of

    for data in datasets_of(name):
        told = translate("{}: {}; licence {}", data.name, say(data.about).rstrip(".。"), say(data.licence))
        yield translate("data"), told + translate("; ") + _place(data)


def _place(data: "Dataset") -> str:
    from ..datasets.locating import whereabouts

    if all(any(whereabouts(data, file)) for file in data.files):
        return translate("on this machine")
    size = translate("{} MB", f"{data.size / 1e6:.1f}")
    return translate("{}, fetched by steepest data get {}", size, data.name)


def _published(name: str) -> Iterator[tuple[str, str]]:
    """Of the published study: who was first to the target, and what the model of the first had learned."""
    from ..lecture.uses import Results

    results = Results.published()
    if (result := results.workloads.get(name)) is None:
        return
    first = result["first"][language() == "zh"]
    if result["behind"] and result["lead"].startswith("∞"):
        first += translate("; {} does not get there", result["behind"])
    elif result["behind"]:
        first += translate("; {} takes {} times as many steps", result["behind"], result["lead"])
    yield translate("first"), first + translate(" (published study, {} seeds)", results.made[0])
    if shown := result["shown"]:
        text = f"\n{shown['text']}" if "text" in shown else ""
        how = text or translate("steepest show {} --save {}.png draws it", name, name)
        yield translate("learned"), translate("by {} in {} steps: ", shown["label"], f"{shown['step']:,}") + how


def set_page(name: str, lang: str) -> "Page":
    """The workloads of a set, the optimizers that it compares, and how."""
    from .. import workloads
    from ..program.showing import Page, Table

    one = workloads.SETS[name]
    rows = [(translate("is"), say(one.about))]
    rows += [(member, workloads.summary(member, lang)) for member in one.workloads]
    if optimizers := one.study.get("optimizers"):
        rows.append((translate("optimizers"), ", ".join(optimizers)))
    rows.append((translate("compare"), f"steepest compare {name} --quick"))
    return Page(name, [], Table(("", ""), rows))


# --- the picture ------------------------------------------------------------------------------------------------------


def check_picture(name: str, file: Path) -> dict[str, Any]:
    """What the model of the first in the published study had learned on a workload, for `save_picture`.

    Raises:
        InvalidValue: there is no picture, the ending is of another kind, or no file can be written there.
    """
    from ..lecture.uses import Results

    shown = (Results.published().workloads.get(name.partition("(")[0].strip()) or {}).get("shown")
    if not shown or "(" in name:
        raise InvalidValue(
            f"--save: the published study has no picture of {name}; "
            "steepest compare shows in its report what your own runs learned, where a workload has pictures"
        )
    endings = [".txt"] if "text" in shown else list(KINDS)
    if file.suffix.lower() not in endings:
        raise InvalidValue(f"--save: {name} gives a {' or '.join(endings)} file, got {file}")
    check_place(file)
    found: dict[str, Any] = shown
    return found


def save_picture(name: str, shown: dict[str, Any], file: Path) -> None:
    """Write the picture of a workload, or the text, that `check_picture` gave."""
    from ..lecture.uses import published_picture

    file = file.expanduser()
    if "text" in shown:
        write(file, f"{shown['text']}\n")
    elif (picture := published_picture(name)) is not None:
        ending, content = picture
        write(file, content if ending == file.suffix.lower() else _converted(content, KINDS[file.suffix.lower()]))


def _converted(content: bytes, kind: str) -> bytes:
    from PIL import Image

    made = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").save(made, kind)
    return made.getvalue()
