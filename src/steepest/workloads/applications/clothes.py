"""Image classification: ten kinds of clothes (Fashion-MNIST), a small convolutional network."""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ... import datasets
from ...base.checks import check_whole
from ...base.text import Text
from ..families import family
from ..own import own_folder
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
    check_whole("clothes: width", width)
    check_whole("clothes: images", images, 1, 60_000)
    own = own_folder("clothes", folder)
    return Clothes(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        on_white=own is None,
        data=partial(_data, images) if own is None else partial(images_in, own, SIDE),
        model=partial(_model, width, KINDS if own is None else len(kinds_in(own.path))),
        loss=nn.functional.cross_entropy,
        metric=accuracy,
        metric_name="accuracy",
        higher_is_better=True,
        target=0.89,
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


@dataclass(frozen=True, kw_only=True)
class Clothes(Supervised):
    """The problem, whose sessions can show what the network gets right."""

    on_white: bool
    """Whether images, which are on black, are shown on white."""

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        return Session(self, seed, device)


class Session(SupervisedSession):
    """One training."""

    _problem: Clothes

    def show(self, rows: int = 6, columns: int = 12) -> "Image":
        """Held-out images, framed green where the network is right and red where it is not."""
        from PIL import Image, ImageOps

        inputs, labels = (part[: rows * columns] for part in self._data[2:])
        with self.evaluated():
            right = (self.model(inputs).argmax(dim=1) == labels).tolist()
        place, images = SIDE + 6, inputs.cpu().numpy()
        sheet = Image.new("RGB", (columns * place, rows * place), "white")
        for index, image in enumerate(255 - images if self._problem.on_white else images):
            framed = ImageOps.expand(Image.fromarray(image).convert("RGB"), 2, GREEN if right[index] else RED)
            sheet.paste(framed, (index % columns * place + 1, index // columns * place + 1))
        return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)
