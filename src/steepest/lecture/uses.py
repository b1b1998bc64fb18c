"""What deep learning is used for: application workloads, what a study of them found, and ImageNet's errors by year."""

import base64
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from .. import workloads
from ..base.errors import InvalidValue
from ..base.spec import parse
from ..report.overview import Place, first_names, lead, places
from ..study import Comparison
from ..study.shots import ERROR, TEXT, Shot

__all__ = ["IMAGENET", "PEOPLE", "Results", "uses_as_data"]

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
    """What a study of several workloads found.

    Attributes:
        study: the study.
        places: the verdict on each workload.
    """

    study: Comparison
    places: tuple[Place, ...]

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
        return cls(study, tuple(found))

    def made(self) -> list[Any]:
        """Seeds, the day on which the study began, and the machine, as far as that is known."""
        facts = self.study.facts
        return [self.study.plan.seeds, facts.get("created", "")[:10], facts.get("machine", "")]

    def first_on(self, rule: str) -> list[str]:
        """The workloads on which a rule is first, or ties for it, by its name; with whatever settings it competed."""
        labels = {one.label for one in self.study.plan.contestants if parse(one.rule).name == rule}
        return [place.workload for place in self.places if labels & {*place.first}]

    def about(self, workload: str) -> list[str]:
        """What a workload of the study is, in both languages."""
        facts = json.loads(self.study.facts["workloads"])[self._long(workload)]
        return [facts["about"], facts.get("about_zh") or facts["about"]]

    def as_data(self, workload: str) -> dict[str, Any] | None:
        """Who was first on a workload, by how much, and what the model shows; None of a workload it does not have."""
        for place in self.places:
            if place.workload == workload:
                first = first_names(place)
                found = {"first": [first.en, first.zh], "behind": place.behind, "lead": lead(place)}
                return found | {"shown": self._shown(place)}
        return None

    def _long(self, workload: str) -> str:
        return next(long for long, short in self.study.plan.short_names.items() if short == workload)

    def _shown(self, place: Place) -> dict[str, Any] | None:
        """What the model of the first contestant shows at the end, if anything: a text, or an image as a data URL."""
        rows = self.study.pictures
        rows = rows[(rows["workload"] == self._long(place.workload)) & (rows["kind"] != ERROR)]
        for label in place.first:
            own = rows[rows["label"] == label].sort_values("step")
            if not own.empty:
                last = own.iloc[-1]
                found = {"label": label, "step": int(last["step"])}
                shot = Shot(int(last["step"]), math.nan, str(last["kind"]), bytes(last["content"]))
                if shot.kind == TEXT:
                    text = shot.text
                    return found | {"text": text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"}
                share = min(LARGEST, ROOM // len(self.places))
                return found | {"image": _as_url(shot.kind, shot.content, share)}
        return None


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


def uses_as_data(results: Results | None) -> dict[str, Any]:
    """The application workloads by their own facts, and others that the study has; what it found; ImageNet's errors."""
    applications = workloads.SETS["applications"].workloads
    used = []
    for name in applications:
        facts: dict[str, Any] = {"name": name, "about": [workloads.summary(name, lang) for lang in ("en", "zh")]}
        used.append(facts | ({"result": results.as_data(name)} if results else {}))
    if results:
        others = [place.workload for place in results.places if place.workload not in applications]
        used += [{"name": name, "about": results.about(name), "result": results.as_data(name)} for name in others]
    errors = [{"year": year, "error": error, "team": team, "source": source} for year, error, team, source in IMAGENET]
    return {"workloads": used, "errors": errors, "people": PEOPLE, "made": results.made() if results else None}
