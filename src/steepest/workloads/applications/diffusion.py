"""Image generation: small images of clothes out of noise, class-conditional flow matching, a residual network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ... import datasets
from ...base.checks import check_whole
from ...base.text import Text
from ..batches import BatchesSession, FromBatches
from ..devices import device_of
from ..families import family
from ..own import own_folder
from ..supervised import Data
from .frechet import Reference
from .images import images_in, kinds_in
from .velocity import Velocity, generate

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "图像生成：从噪声生成小幅服装图像，类别条件流匹配，一个残差网络。"

OWN = Text("Image generation: flow matching of your own images, a residual network.", "图像生成：自备图像的流匹配。")

QUICK = {"width": 64, "depth": 1, "images": 5000, "steps": 60}

SIDE, KINDS, AXES = 14, 10, 48
GENERATED, STEPS = 700, 4  # images that a measurement generates, and in how many steps


@family
def diffusion(width: int = 256, depth: int = 3, images: int = 60_000, folder: str | None = None) -> "Diffusion":
    """A network that turns noise into images of a kind, measured by how far these are from held-out ones.

    Args:
        width: of each layer.
        depth: blocks of two layers.
        images: how many of the 60,000 to train on, 100 or more.
        folder: images of your own instead, of any size, in a folder for each kind; every fifth is held out.

    Raises:
        InvalidValue: a setting out of its range, or a folder without images.
    """
    check_whole("diffusion: width", width)
    check_whole("diffusion: depth", depth)
    check_whole("diffusion: images", images, 100, 60_000)
    own = own_folder("diffusion", folder)
    data = partial(_halved, images) if own is None else partial(images_in, own, SIDE)
    return Diffusion(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        data=data,
        on_white=own is None,
        model=partial(Velocity, SIDE**2, KINDS if own is None else len(kinds_in(own.path)), width, depth),
        batches=partial(_batches, data),
        takes=("seed", "batch_size", "device"),
        loss=loss,
        evaluate=partial(_evaluate, data),
        metric_name="Fréchet distance",
        target=1.6,
        batch_size=64,
        own_batch_size=64,
        steps=800,
        ema=0.99,
    )


@cache
def _halved(images: int) -> Data:
    """Fashion-MNIST at half its size: means of 2 x 2 pixels."""
    read = datasets.load("clothes")
    pixels, held_out = (
        torch.tensor(part.reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)).round().astype("uint8"))
        for part in (read.images[:images], read.held_out_images)
    )
    return pixels, torch.tensor(read.labels[:images]).long(), held_out, torch.tensor(read.held_out_labels).long()


@cache
def _pixels(data: Callable[[], Data], device: torch.device) -> Data:
    """The images as rows of pixels from -1 to 1."""
    images, kinds, held_out, held_out_kinds = (part.to(device) for part in data())
    return images.flatten(1) / 127.5 - 1, kinds, held_out.flatten(1) / 127.5 - 1, held_out_kinds


def _batches(
    data: Callable[[], Data], seed: int, batch_size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch, in an order of its own; a remainder is left out."""
    images, kinds, *_ = _pixels(data, device)
    size = min(batch_size, len(images))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).to(device)
    for chosen in torch.split(order[: len(images) // size * size], size):
        yield images[chosen], kinds[chosen]


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of the velocity on straight ways from noise to images (Lipman et al. 2023).

    Times are logit-normal: more of them are in the middle, where there is most to learn (Esser et al. 2024).
    """
    images, kinds = batch
    noise, time = torch.randn_like(images), torch.randn_like(images[:, :1]).sigmoid()
    velocity: Tensor = model((1 - time) * noise + time * images, time, kinds)
    return (velocity - (images - noise)).square().mean()


@cache
def _reference(data: Callable[[], Data]) -> Reference:
    images, _, held_out, _ = _pixels(data, torch.device("cpu"))
    return Reference(images, held_out, AXES)


def _evaluate(data: Callable[[], Data], model: nn.Module) -> dict[str, Tensor | float]:
    """The distance of generated images, whose kinds are as frequent as in the held-out ones, and the loss on some.

    They are generated out of the same noise in all runs: it is held-out data, too.
    """
    _, _, images, kinds = _pixels(data, device_of(model))
    asked = kinds.sort().values[torch.arange(GENERATED) * len(kinds) // GENERATED]
    noise = torch.randn(GENERATED, SIDE**2, generator=torch.Generator().manual_seed(0)).to(kinds.device)
    generated = generate(model, noise, asked, STEPS)
    distance = _reference(data).distance(generated)
    return {"loss": loss(model, (images[:GENERATED], kinds[:GENERATED])), "Fréchet distance": distance}


@dataclass(frozen=True, kw_only=True)
class Diffusion(FromBatches):
    """The problem, whose sessions can show what the network generates."""

    data: Callable[[], Data]
    on_white: bool
    """Whether images, which are on black, are shown on white."""

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        return Session(self, seed, device)


class Session(BatchesSession):
    """One training."""

    _problem: Diffusion

    def show(self, rows: int = 5, columns: int = 10, steps: int = 32) -> "Image":
        """Held-out images in the first row; below them generated ones of the same kinds, always from the same noise."""
        from PIL import Image

        _, _, images, kinds = self._problem.data()
        first = [int((kinds == kind).nonzero()[0, 0]) for kind in sorted({*kinds.tolist()})[:columns]]
        noise = torch.randn(rows, len(first), SIDE**2, generator=torch.Generator().manual_seed(0)).flatten(0, 1)
        with self.evaluated():
            pixels = generate(self.model, noise.to(self._on), kinds[first].repeat(rows).to(self._on), steps)
        made = ((pixels.nan_to_num(nan=-1.0) + 1) * 127.5).round().byte().cpu()
        tiles = torch.cat([images[first], made.view(-1, SIDE, SIDE)])
        sheet = Image.new("L", (len(first) * 60 + 4, (rows + 1) * 60 + 16), "white")
        for index, tile in enumerate(255 - tiles if self._problem.on_white else tiles):
            row, column = divmod(index, len(first))
            picture = Image.fromarray(tile.numpy()).resize((56, 56), Image.Resampling.BICUBIC)
            sheet.paste(picture, (column * 60 + 4, row * 60 + (4 if row == 0 else 16)))
        return sheet
