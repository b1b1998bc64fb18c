"""The published study of the applications, as pages show it: what the model of the first on each workload made."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from steepest.report.overview import places
from steepest.study import Comparison

__all__ = ["STUDY", "Shown", "shown", "write_pictures"]

STUDY = Path(__file__).parents[2] / "docs/applications.sqlite.xz"


@dataclass(frozen=True)
class Shown:
    """What a model made at the end of a run.

    Attributes:
        label: the optimizer that trained it.
        steps: of the run.
        kind: of the content: `"text"`, or a type of images.
        content: a text in UTF-8, or an image.
    """

    label: str
    steps: int
    kind: str
    content: bytes

    def file(self, workload: str) -> str | None:
        """Where the image lies beside the pages; None of a text."""
        return None if self.kind == "text" else f"images/workloads/{workload}.{self.kind.removeprefix('image/')}"


@cache
def shown() -> dict[str, Shown]:
    """By workload, the picture of the first to the target at the end of its run."""
    study = Comparison.read(STUDY)
    names, found = study.plan.short_names, {}
    first = {place.workload: place.first[0] for place in places(study) if place.first}
    for workload, rows in study.pictures.groupby("workload"):
        own = rows[(rows["label"] == first.get(names[workload])) & (rows["kind"] != "error")]
        if not own.empty:
            last = own.sort_values("step").iloc[-1]
            found[names[workload]] = Shown(last["label"], int(last["step"]), last["kind"], _bytes(last["content"]))
    return found


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)


def write_pictures(folder: Path) -> None:
    """Write the images beside the pages of a site."""
    for workload, made in shown().items():
        if (name := made.file(workload)) is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(made.content)
