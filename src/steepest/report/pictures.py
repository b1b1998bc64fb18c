"""The pictures of the best optimizers in the course of training: strips of the page, and files beside report.md."""

import base64
import io
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..base import numbers
from ..base.text import Text
from ..study import Comparison
from ..study.recording import MOST
from ..study.shots import ERROR, TEXT, Shot
from .filenames import file_names
from .sentences import metric_text

__all__ = ["Strip", "picture_files", "strips"]

SMALLEST, FOUR_IN_A_ROW, TWO_IN_A_ROW = 150, 240, 340
"""Pixels of a picture's place on a page, which is some 1,000 wide: four are in one row or in two, not three and one."""

FINE = 2
"""Pixels of an image for one of the page, as many as finer screens show."""


class Strip(NamedTuple):
    """The pictures of one contestant, in the order of their steps.

    Attributes:
        label: of the contestant.
        seed: of its run.
        shots: what the page needs of each: `step`, `source` or `text`, `caption` and `alt` in both languages, and the
            width of its `place` in pixels.
        problem: why there is none.
    """

    label: str
    seed: int
    shots: list[dict[str, Any]]
    problem: str


def strips(comparison: Comparison) -> list[Strip]:
    """The strips of a workload, the first to the target on top."""
    made = []
    for label, seed, shots in _shots(comparison):
        sound = [shot for shot in shots if shot.kind != ERROR]
        problem = next((shot.text for shot in shots if shot.kind == ERROR), "")
        made.append(Strip(label, seed, [_of_page(comparison, label, shot) for shot in sound], problem))
    return made


def picture_files(study: Comparison) -> dict[tuple[str, str, int], tuple[str, bytes]]:
    """By workload, label and step, a name of a file for each image, below the folder of the report, and its content."""
    wanted = {
        (name, label, shot.step): shot
        for name, comparison in study.by_workload().items()
        for label, _, shots in _shots(comparison)
        for shot in shots
        if shot.kind.startswith("image/")
    }
    short = study.plan.short_names
    titles = {key: f"{short[key[0]]} {key[1]} {key[2]}" for key in wanted}
    names = file_names(titles.values())
    return {
        key: (f"pictures/{names[titles[key]].replace(' ', '-')}.{shot.kind.rpartition('/')[2]}", shot.content)
        for key, shot in wanted.items()
    }


def _shots(comparison: Comparison) -> Iterator[tuple[str, int, list[Shot]]]:
    """Label, seed and pictures of the best contestants."""
    table = comparison.pictures
    for label in map(str, comparison.table.index[:MOST]):
        own = table[table["label"] == label]
        if not own.empty:
            rows = zip(own["step"], own["metric"], own["kind"], own["content"], strict=True)
            yield label, int(own["seed"].iloc[0]), [Shot(*row) for row in rows]


def caption(comparison: Comparison, shot: Shot) -> Text:
    """The step and the metric there."""
    step, metric = f"{shot.step:,}", metric_text(comparison)
    if math.isnan(shot.metric):
        return Text(f"step {step}", f"第 {step} 步")
    value = numbers.number(shot.metric, 3)
    return Text(f"step {step}: {metric.en} {value}", f"第 {step} 步：{metric.zh} {value}")


def _of_page(comparison: Comparison, label: str, shot: Shot) -> dict[str, Any]:
    said = caption(comparison, shot)
    made: dict[str, Any] = {
        "step": shot.step,
        "caption": said,
        "alt": Text(f"{label}, {said.en}", f"{label}，{said.zh}"),
    }
    if shot.kind == TEXT:
        return made | {"text": shot.text, "place": TWO_IN_A_ROW}
    width, height = _size(shot.content)
    source = f"data:{shot.kind};base64,{base64.b64encode(shot.content).decode()}"
    small = width // FINE <= 1.25 * FOUR_IN_A_ROW
    place = min(max(SMALLEST, width // FINE), FOUR_IN_A_ROW) if small else TWO_IN_A_ROW
    return made | {"source": source, "width": width, "height": height, "place": place}


def _size(content: bytes) -> tuple[int, int]:
    """Width and height of an image; of one that cannot be read, those of a small one."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except (OSError, ValueError, SyntaxError):
        return SMALLEST, SMALLEST
