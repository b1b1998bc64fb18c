"""What deep learning is used for: application workloads, what a study of them found, and ImageNet's errors by year."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import workloads
from ..base.errors import InvalidValue
from ..report.overview import Place, first_names, lead, places
from ..study import Comparison

__all__ = ["IMAGENET", "PEOPLE", "Results", "uses_as_data"]

LARGEST = 16_000
"""Bytes of a picture of a study that still goes into the page."""

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

    def first_on(self, label: str) -> list[str]:
        """The workloads on which a contestant is first, or ties for it."""
        return [place.workload for place in self.places if label in place.first]

    def as_data(self, workload: str) -> dict[str, Any] | None:
        """Who was first on a workload, and by how much; None where the study has no such workload."""
        for place in self.places:
            if place.workload == workload:
                first = first_names(place)
                return {"first": [first.en, first.zh], "behind": place.behind, "lead": lead(place)}
        return None

    def picture(self, workload: str) -> str | None:
        """The last picture of the first contestant's model, as a data URL; None where there is none, or a large one."""
        shown = self.study.pictures
        first = next((place.first for place in self.places if place.workload == workload), ())
        names = {long for long, short in self.study.plan.short_names.items() if short == workload}
        rows = shown[shown["workload"].isin(names) & shown["label"].isin(first[:1]) & (shown["kind"] == "image/png")]
        if rows.empty:
            return None
        content = bytes(rows.sort_values("step").iloc[-1]["content"])
        return f"data:image/png;base64,{base64.b64encode(content).decode()}" if len(content) <= LARGEST else None


def uses_as_data(results: Results | None) -> dict[str, Any]:
    """The application workloads by their own facts, what the study found where there is one, and ImageNet's errors."""
    used = []
    for name in workloads.SETS["applications"].workloads:
        facts: dict[str, Any] = {"name": name, "about": [workloads.summary(name, lang) for lang in ("en", "zh")]}
        if results:
            facts |= {"result": results.as_data(name), "picture": results.picture(name)}
        used.append(facts)
    errors = [{"year": year, "error": error, "team": team, "source": source} for year, error, team, source in IMAGENET]
    made = (
        {key: results.study.facts[key] for key in ("created", "machine") if key in results.study.facts}
        if results
        else {}
    )
    return {"workloads": used, "errors": errors, "people": PEOPLE, "made": made}
