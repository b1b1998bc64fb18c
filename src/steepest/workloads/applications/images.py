"""Images of a user: a folder that has a folder for each kind."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from ...base.errors import InvalidValue
from ..supervised import Data

__all__ = ["images_in", "kinds_in"]


def kinds_in(folder: Path) -> list[Path]:
    """The folders of the kinds, by name.

    Raises:
        InvalidValue: there are fewer than two.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(kinds) < 2:
        raise InvalidValue(f"{folder}: must have a folder of images for each of two or more kinds")
    return kinds


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
    pictures = []
    for _, file in files:
        try:
            with Image.open(file) as image:
                pictures.append(np.asarray(image.convert("L").resize((side, side))))
        except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises on damaged files
            raise InvalidValue(f"{file}: cannot be read as an image ({error})") from None
    inputs, labels = torch.tensor(np.stack(pictures)), torch.tensor([label for label, _ in files])
    held_out = torch.arange(len(files)) % 5 == 4
    return inputs[~held_out], labels[~held_out], inputs[held_out], labels[held_out]
