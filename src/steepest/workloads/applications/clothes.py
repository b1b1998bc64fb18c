"""Image classification: ten kinds of clothes (Fashion-MNIST), a small convolutional network."""

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ... import datasets
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..supervised import Data, Supervised, SupervisedSession
from .images import images_in, kinds_in

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "图像分类：十类服装（Fashion-MNIST），一个小型卷积网络。"

OWN = Text(
    "Image classification: your own images, a small convolutional network.", "图像分类：自备图像，小型卷积网络。"
)

QUICK = {"width": 4, "steps": 60}

SIDE, KINDS, HELD_OUT = 28, 10, 2000
MEAN, DEVIATION = 0.286 * 255, 0.353 * 255  # of Fashion-MNIST's pixels
GREEN, RED = (46, 160, 67), (207, 34, 46)


@family
def clothes(width: int = 16, images: int = 60_000, folder: str | None = None) -> "Clothes":
    """A network that tells kinds of clothes apart, measured on images that it was not trained on.

    Args:
        width: channels of the first layer; the second has twice as many.
        images: how many of the 60,000 to train on.
        folder: images of your own instead, of any size, in a folder for each kind; every fifth is held out.

    Raises:
        InvalidValue: a setting out of its range, or a folder without images.
    """
    if width < 1 or not 1 <= images <= 60_000:
        raise InvalidValue(f"clothes: width must be from 1, images from 1 to 60,000, got {width!r} and {images!r}")
    return Clothes(
        about=OWN.en if folder else "",
        about_zh=OWN.zh if folder else "",
        data=partial(images_in, Path(folder).expanduser(), SIDE) if folder is not None else partial(_data, images),
        model=partial(_model, width, KINDS if folder is None else len(kinds_in(Path(folder).expanduser()))),
        loss=nn.functional.cross_entropy,
        metric=accuracy,
        metric_name="accuracy",
        higher_is_better=True,
        target=0.87,
        batch_size=64,
        steps=1500,
    )


@cache
def _data(images: int) -> Data:
    read = datasets.load("clothes")
    training = torch.tensor(read.images[:images]), torch.tensor(read.labels[:images]).long()
    held_out = torch.tensor(read.held_out_images[:HELD_OUT]), torch.tensor(read.held_out_labels[:HELD_OUT]).long()
    return *training, *held_out


def _model(width: int, kinds: int) -> nn.Module:
    """Each layer halves the sides of the picture; the second doubles the number of features."""
    return nn.Sequential(
        Standardize(),
        nn.Conv2d(1, width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(2 * width * (SIDE // 4) ** 2, kinds),
    )  # fmt: skip


class Standardize(nn.Module):
    """Pixels, which are kept as bytes, to a mean of 0 and a deviation of 1."""

    def forward(self, images: Tensor) -> Tensor:
        """From shape (n, 28, 28) to (n, 1, 28, 28)."""
        return ((images.float() - MEAN) / DEVIATION).unsqueeze(1)


def accuracy(output: Tensor, labels: Tensor) -> Tensor:
    """The share of images whose kind has the largest output."""
    return (output.argmax(dim=1) == labels).float().mean()


class Clothes(Supervised):
    """The problem, whose sessions can show what the network gets right."""

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        return Session(self, seed, device)


class Session(SupervisedSession):
    """One training."""

    @torch.no_grad()
    def show(self, rows: int = 6, columns: int = 12) -> "Image":
        """Held-out images, framed green where the network is right and red where it is not."""
        from PIL import Image, ImageOps

        inputs, labels = (part[: rows * columns] for part in self._data[2:])
        right, place = (self.model(inputs).argmax(dim=1) == labels).tolist(), SIDE + 6
        sheet = Image.new("RGB", (columns * place, rows * place), "white")
        for index, image in enumerate(255 - inputs.cpu().numpy()):
            framed = ImageOps.expand(Image.fromarray(image).convert("RGB"), 2, GREEN if right[index] else RED)
            sheet.paste(framed, (index % columns * place + 1, index // columns * place + 1))
        return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)
