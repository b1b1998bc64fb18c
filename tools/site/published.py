"""The published study of the applications, as pages show it: what the model of the first on each workload made."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from steepest.lecture.uses import pictures_of
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
    """By workload, what the first to the target shows at the end of its run."""
    last = pictures_of(Comparison.read(STUDY))
    return {name: Shown(label, shot.step, shot.kind, shot.content) for name, (label, shot) in last.items()}


def write_pictures(folder: Path) -> None:
    """Write the images beside the pages of a site."""
    for workload, made in shown().items():
        if (name := made.file(workload)) is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(made.content)
