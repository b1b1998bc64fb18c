"""Images of a user: a file, or a folder that has a folder for each kind."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import InvalidValue
from ..supervised import Data

__all__ = ["images_in", "kinds_in", "pixels"]


def kinds_in(folder: Path) -> list[Path]:
    """The folders of the kinds, by name.

    Raises:
        InvalidValue: there are fewer than two.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(kinds) < 2:
        raise InvalidValue(f"{folder}: must have a folder of images for each of two or more kinds")
    return kinds


def pixels(file: Path, side: int, mode: str) -> NDArray[np.uint8]:
    """An image file, upright as its camera says and on white where it is transparent, reduced to a square.

    Args:
        file: of any format that Pillow reads.
        side: of the square, in pixels.
        mode: "L" for grey, shape (side, side), or "RGB", shape (side, side, 3).

    Raises:
        InvalidValue: it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged files, too
        raise InvalidValue(f"{file}: cannot be read as an image ({error})") from None
    paper = Image.new("RGBA", upright.size, "white")
    paper.alpha_composite(upright)
    return np.asarray(paper.convert(mode).resize((side, side)))


@cache
def images_in(folder: Path, side: int) -> Data:
    """Grey images, shape (n, side, side), uint8, and the numbers of their kinds; every fifth is held out.

    Raises:
        InvalidValue: there are fewer than ten, or one cannot be read.
    """
    from PIL import Image

    suffixes = Image.registered_extensions()
    files = [(label, file) for label, kind in enumerate(kinds_in(folder)) for file in sorted(kind.iterdir())]
    files = [(label, file) for label, file in files if file.suffix.lower() in suffixes]
    if len(files) < 10:
        raise InvalidValue(f"{folder}: must have ten images or more in its folders, got {len(files)}")
    pictures = np.stack([pixels(file, side, "L") for _, file in files])
    inputs, labels = torch.tensor(pictures), torch.tensor([label for label, _ in files])
    held_out = torch.arange(len(files)) % 5 == 4
    return inputs[~held_out], labels[~held_out], inputs[held_out], labels[held_out]
