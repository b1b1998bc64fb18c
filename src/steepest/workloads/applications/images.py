"""Images of a user: a file, or a folder that has a folder for each kind."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import InvalidValue
from ..supervised import Data

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_files", "images_in", "kinds_in", "pixels", "upright"]


def kinds_in(folder: Path) -> list[Path]:
    """The folders of the kinds, by name.

    Raises:
        InvalidValue: there are fewer than two.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(kinds) < 2:
        raise InvalidValue(f"{folder}: must have a folder of images for each of two or more kinds")
    return kinds


def upright(file: Path) -> "Image":
    """An image file, turned as its camera says, with red, green, blue and how opaque it is.

    Raises:
        InvalidValue: it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            return ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged files, too
        raise InvalidValue(f"{file}: cannot be read as an image ({error})") from None


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
    """The files in a folder, and in those in it, that have the suffix of an image; by name."""
    from PIL import Image

    suffixes = Image.registered_extensions()
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)


@cache
def images_in(folder: Path, side: int) -> Data:
    """Grey images, shape (n, side, side), uint8, and the numbers of their kinds; every fifth is held out.

    Raises:
        InvalidValue: there are fewer than ten, or one cannot be read.
    """
    files = [(label, file) for label, kind in enumerate(kinds_in(folder)) for file in image_files(kind)]
    if len(files) < 10:
        raise InvalidValue(f"{folder}: must have ten images or more in its folders, got {len(files)}")
    pictures = np.stack([pixels(file, side, "L") for _, file in files])
    inputs, labels = torch.tensor(pictures), torch.tensor([label for label, _ in files])
    held_out = torch.arange(len(files)) % 5 == 4
    return inputs[~held_out], labels[~held_out], inputs[held_out], labels[held_out]
