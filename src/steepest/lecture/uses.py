"""What deep learning is used for: application workloads, what a study of them found, and ImageNet's errors by year."""

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from .. import workloads
from ..base.errors import InvalidValue
from ..base.spec import parse
from ..report.overview import Place, first_names, lead, places, relative, typical
from ..study import Comparison
from ..study.shots import ERROR, TEXT, Shot

__all__ = ["IMAGENET", "PEOPLE", "PICTURES", "Results", "pictures_of", "published_picture", "uses_as_data"]

STEPS = "steps_to_target"

PUBLISHED = "applications.json"
"""The results of the published study, beside this file; `tools/lecture_study.py` makes it of the study."""

PICTURES = "pictures"
"""The folder beside this file with the published study's images, a workload a file, as large as the study has them."""

LARGEST, ROOM = 9_000, 80_000
"""Bytes of one picture of a study in the page, and of all of them."""

SMALLER = ((480, 70), (360, 60), (240, 50), (160, 40), (80, 30))
"""Pixels of the longer side and quality of a picture that is too large, from one try to the next."""

MOST_LETTERS = 300
"""Of a text that a model has written."""

RUSSAKOVSKY = "Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, IJCV 115, table 8"

IMAGENET = (
    (2010, 28.2, "NEC-UIUC", RUSSAKOVSKY),
    (2011, 25.8, "XRCE", RUSSAKOVSKY),
    (2012, 16.4, "SuperVision (AlexNet)", RUSSAKOVSKY),
    (2013, 11.7, "Clarifai", RUSSAKOVSKY),
    (2014, 6.66, "GoogLeNet", RUSSAKOVSKY),
    (2015, 3.57, "MSRA (ResNet)", "He et al. 2016, Deep residual learning for image recognition, CVPR"),
    (2017, 2.25, "WMW (SENet)", "Hu, Shen and Sun 2018, Squeeze-and-excitation networks, CVPR"),
)
"""The winners of ImageNet's classification: year, top-5 error in per cent, team, source."""

PEOPLE = 5.1
"""Top-5 error in per cent of a trained person on 1,500 of these images (Russakovsky et al. 2015, section 6.4)."""


@dataclass(frozen=True)
class Results:
    """What a study of several workloads found, as the page says it.

    Attributes:
        made: seeds, the day on which the study began, the machine, as far as that is known, and what is counted to the
            target, `"steps"` or `"seconds"`.
        workloads: by its name, what each is (`about`, in both languages), who is `first` on it, who `behind` by how
            much (`lead`), and what the model of the first has `shown` at the end: a text, or an image as a data URL.
        rules: by its name, each rule that competed, at the best of its settings: on which workloads it is `first` or
            ties for it, and how many times as much as the leader it `needs` on the middle one; None where it missed.
    """

    made: tuple[Any, ...]
    workloads: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: str | Path) -> "Results":
        """Read a study from its folder, or from a packed file.

        Raises:
            InvalidValue: there is none, it is of one workload, or runs are missing.
        """
        study = Comparison.read(folder)
        found = places(study)
        if not found:
            raise InvalidValue(f"{folder}: the lecture shows a finished study of several workloads")
        counted = "steps" if all(part.measure == STEPS for part in study.by_workload().values()) else "seconds"
        made = (study.plan.seeds, study.facts.get("created", "")[:10], study.facts.get("machine", ""), counted)
        share = min(LARGEST, ROOM // len(found))
        return cls(made, {place.workload: _verdict(study, place, share) for place in found}, _ranks(study))

    @classmethod
    def published(cls) -> "Results":
        """The published study of the applications, which comes with steepest."""
        return cls(**json.loads((files(__package__) / PUBLISHED).read_text(encoding="utf-8")))


def _verdict(study: Comparison, place: Place, share: int) -> dict[str, Any]:
    """Who was first on a workload, by how much, and what the model shows, in so many bytes."""
    workload = _long_name(study, place)
    facts, first = json.loads(study.facts["workloads"])[workload], first_names(place)
    return {
        "about": [facts["about"], facts.get("about_zh") or facts["about"]],
        "first": [first.en, first.zh], "behind": place.behind, "lead": lead(place),
        "shown": _shown(study, workload, place.first, share),
    }  # fmt: skip


def pictures_of(study: Comparison) -> dict[str, tuple[str, Shot]]:
    """The first contestant that shows anything, by its label, and what its model shows at the end, by workload."""
    found = {place.workload: _last_shot(study, _long_name(study, place), place.first) for place in places(study)}
    return {name: last for name, last in found.items() if last is not None}


def published_picture(workload: str) -> tuple[str, bytes] | None:
    """The image that the published study has of a workload: the ending of its file, and its bytes; None of a text."""
    folder = files(__package__) / PICTURES
    for file in folder.iterdir():
        if Path(file.name).stem == workload:
            return Path(file.name).suffix, file.read_bytes()
    return None


def _long_name(study: Comparison, place: Place) -> str:
    return next(long for long, short in study.plan.short_names.items() if short == place.workload)


def _last_shot(study: Comparison, workload: str, first: Iterable[str]) -> tuple[str, Shot] | None:
    """The label of the first contestant that shows anything, and what it shows at the end."""
    rows = study.pictures
    rows = rows[(rows["workload"] == workload) & (rows["kind"] != ERROR)]
    for label in first:
        own = rows[rows["label"] == label].sort_values("step")
        if not own.empty:
            last = own.iloc[-1]
            return label, Shot(int(last["step"]), math.nan, str(last["kind"]), bytes(last["content"]))
    return None


def _shown(study: Comparison, workload: str, first: Iterable[str], share: int) -> dict[str, Any] | None:
    """What the model of the first contestant that shows anything shows at the end, in so many bytes."""
    if (last := _last_shot(study, workload, first)) is None:
        return None
    label, shot = last
    found = {"label": label, "step": shot.step}
    if shot.kind == TEXT:
        text = shot.text
        return found | {"text": text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"}
    return found | {"image": _as_url(shot.kind, shot.content, share)}


def _ranks(study: Comparison) -> dict[str, dict[str, Any]]:
    """The place of each rule; of several settings of a rule, which compete, that of the best."""
    rules = {one.label: parse(one.rule).name for one in study.plan.contestants}
    names = [study.plan.short_names[workload] for workload in study.by_workload()]
    found: dict[str, dict[str, Any]] = {}
    for label, row in relative(study).items():  # the best come first
        if rules[label] not in found:
            needs = round(typical([ratio for ratio, _ in row]), 3)
            first = [name for name, (_, leads) in zip(names, row, strict=True) if leads]
            found[rules[label]] = {"first": first, "of": len(row), "needs": needs if math.isfinite(needs) else None}
    return found


def _as_url(kind: str, content: bytes, most: int) -> str:
    """An image as a data URL of at most so many bytes of image, smaller and with loss where it has to be."""
    if len(content) > most:
        with Image.open(io.BytesIO(content)) as opened:
            image = opened.convert("RGB")
        kind = "image/jpeg"
        for side, quality in SMALLER:
            made = io.BytesIO()
            image.thumbnail((side, side))
            image.save(made, "JPEG", quality=quality, optimize=True)
            content = made.getvalue()
            if len(content) <= most:
                break
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def uses_as_data(results: Results) -> dict[str, Any]:
    """The application workloads by their own facts, and others that the study has; what it found; ImageNet's errors."""
    applications, of = workloads.SETS["applications"].workloads, results.workloads
    used = [{"name": name, "about": [workloads.summary(name, lang) for lang in ("en", "zh")], "result": of.get(name)}
            for name in applications]  # fmt: skip
    used += [{"name": name, "about": of[name]["about"], "result": of[name]} for name in of if name not in applications]
    errors = [{"year": year, "error": error, "team": team, "source": source} for year, error, team, source in IMAGENET]
    return {"workloads": used, "errors": errors, "people": PEOPLE, "made": results.made}
