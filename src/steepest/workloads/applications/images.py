"""Images of a user: a file, or a folder that has a folder for each kind."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import InvalidValue
from ..own import Own, is_hidden
from ..supervised import Data

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_files", "images_in", "kinds_in", "pixels", "upright"]

SIXTEEN, DEEP = "I;16", ("I", "F")
"""Pillow's modes of images with more than eight bits a pixel."""

TINY = 1e-300
"""In place of the range of an image that has one shade."""


def kinds_in(folder: Path) -> list[Path]:
    """The folders of the kinds, by name: those that have images.

    Raises:
        InvalidValue: there are fewer than two.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path, folder))
    kinds = [kind for kind in kinds if image_files(kind)]
    if len(kinds) < 2:
        raise InvalidValue(f"{folder}: must have a folder of images for each of two or more kinds")
    return kinds


def upright(file: Path) -> "Image":
    """An image file, turned as its camera says, with red, green, blue and how opaque it is.

    Of one with more than eight bits a pixel, the range is that of 16 bits; if it has more, that of its own pixels.

    Raises:
        InvalidValue: it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image)
            return (_in_eight_bits(upright) if upright.mode.startswith(DEEP) else upright).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged files, too
        reason = getattr(error, "strerror", None) or error
        raise InvalidValue(f"{file}: cannot be read as an image ({reason})") from None


def _in_eight_bits(image: "Image") -> "Image":
    """Pillow itself cuts off what does not fit into a byte."""
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    least, most = (0, 2**16 - 1) if image.mode.startswith(SIXTEEN) else (values.min(), values.max())
    return Image.fromarray((255 * (values - least) / max(most - least, TINY)).round().astype(np.uint8))


def pixels(file: Path, side: int, mode: str) -> NDArray[np.uint8]:
    """An image file on white, reduced to a square.

    Args:
        file: of any format that Pillow reads.
        side: of the square, in pixels.
        mode: "L" for grey, shape (side, side), or "RGB", shape (side, side, 3).

    Raises:
        InvalidValue: it cannot be read.
    """
    from PIL import Image

    image = upright(file)
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return np.asarray(paper.convert(mode).resize((side, side)))


def image_files(folder: Path) -> list[Path]:
    """The files in a folder, and in those in it, that have the suffix of an image that Pillow reads; by name."""
    from PIL import Image

    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    files = (file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    return sorted(file for file in files if not (file.is_dir() or is_hidden(file, folder)))


@cache
def images_in(own: Own, side: int) -> Data:
    """Grey images, shape (n, side, side), uint8, and the numbers of their kinds; every fifth is held out.

    Raises:
        InvalidValue: there are fewer than ten, or one cannot be read.
    """
    files = [(label, file) for label, kind in enumerate(kinds_in(own.path)) for file in image_files(kind)]
    if len(files) < 10:
        raise InvalidValue(f"{own.path}: must have ten images or more in its folders, got {len(files)}")
    pictures = np.stack([pixels(file, side, "L") for _, file in files])
    inputs, labels = torch.tensor(pictures), torch.tensor([label for label, _ in files])
    held_out = torch.arange(len(files)) % 5 == 4
    return inputs[~held_out], labels[~held_out], inputs[held_out], labels[held_out]
