"""Pictures as a study keeps them: what a session shows, as bytes of an image of limited size, or as a text."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidValue
from ..base.text import visible

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ERROR", "IMAGES", "TEXT", "Shot", "content_of"]

TEXT, ERROR = "text", "error"
"""Kinds of content that are no image: what a model has written, and why there is no picture."""

IMAGES = {"image/png": b"\x89PNG\r\n", "image/webp": b"RIFF", "image/jpeg": b"\xff\xd8\xff"}
"""The first bytes of an image, by kind."""

MOST_PIXELS, MOST_BYTES, MOST_LETTERS = 1200, 100_000, 2000
"""Of a side of an image, of its file, and of a text: a report has eight pictures of a workload within itself."""

MOST_READ = 1_000_000
"""Bytes of a picture in a file that somebody else may have written; larger ones are left out."""

QUALITIES = (90, 75, 50)

DOTS = 110
"""An inch, of a figure."""


@dataclass(frozen=True)
class Shot:
    """A picture of a run.

    Attributes:
        step: number of updates.
        metric: there, or NaN.
        kind: of `IMAGES`, `TEXT` or `ERROR`.
        content: bytes; of texts UTF-8.
    """

    step: int
    metric: float
    kind: str
    content: bytes

    def to_plain(self) -> list[Any]:
        """Numbers and texts that JSON can take."""
        metric = self.metric if math.isfinite(self.metric) else None
        return [self.step, metric, self.kind, base64.b64encode(self.content).decode()]

    @classmethod
    def from_plain(cls, parts: Sequence[Any]) -> "Shot":
        """The shot that `to_plain` gave."""
        step, metric, kind, content = parts
        return cls(step, math.nan if metric is None else metric, kind, base64.b64decode(content))

    @property
    def text(self) -> str:
        """The text of one that is no image."""
        return visible(self.content.decode(errors="replace"), keep="\n")


def content_of(picture: Any) -> tuple[str, bytes]:
    """The kind and the bytes of what a session shows: an image of Pillow, a figure of matplotlib, or a text.

    Anything else that can give a PNG to a notebook, by `_repr_png_`, is one, too.

    Raises:
        InvalidValue: it is something else.

    >>> content_of("床前明月光")[0], content_of("a" * 3000)[1][-5:].decode()
    ('text', 'aa…')
    """
    if isinstance(picture, str):
        text = picture if len(picture) <= MOST_LETTERS else f"{picture[:MOST_LETTERS]}…"
        return TEXT, text.encode(errors="replace")
    from PIL import Image

    if isinstance(picture, Image.Image):
        return _compressed(picture)
    made = io.BytesIO()
    if hasattr(picture, "savefig"):
        picture.savefig(made, format="png", dpi=DOTS)
    elif hasattr(picture, "_repr_png_") and isinstance(png := picture._repr_png_(), bytes):
        made.write(png)
    else:
        raise InvalidValue(
            f"`show` must return an image of Pillow, a figure of matplotlib, or a text, got {type(picture).__name__}"
        )
    with Image.open(made) as image:
        return _compressed(image)


def _compressed(image: "Image") -> tuple[str, bytes]:
    """As PNG, or where that is large, with loss; smaller, where even that is large."""
    from PIL import features

    image = _on_white(image)
    image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    content = _saved(image, "PNG", optimize=True)
    if len(content) <= MOST_BYTES:
        return "image/png", content
    kind = "WEBP" if features.check("webp") else "JPEG"
    while True:
        for quality in QUALITIES:
            content = _saved(image, kind, quality=quality)
            if len(content) <= MOST_BYTES:
                return f"image/{kind.lower()}", content
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")  # a copy
    drawn = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")


def _saved(image: "Image", kind: str, **options: Any) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()
