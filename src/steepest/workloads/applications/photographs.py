"""Things, photographed several times: turned, nearer or farther, in other light, before other backgrounds."""

from collections.abc import Iterator
from functools import cache
from math import pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ... import datasets
from ...base.errors import InvalidValue
from ..own import Own
from .images import image_files, upright

__all__ = ["SIDE", "batches", "held_out", "photographed", "things"]

SIDE, THING = 32, 48
"""Of a photograph, and of the picture of a thing, in pixels."""

VIEWS, HELD_OUT = 32, 200
"""Photographs of a thing to train on, and how many things are held out, at most; a third, where there are few."""

LEAST = 20


@cache
def things(own: Own | None) -> Tensor:
    """Different things in an order drawn once, shape (n, 4, 48, 48), uint8: red, green, blue, opaque.

    Raises:
        InvalidValue: a folder has too few images, or one that cannot be read.
    """
    files = datasets.load("stamps") if own is None else image_files(own.path)
    different = {picture.tobytes(): picture for picture in map(_thing, files)}
    if len(different) < LEAST:
        raise InvalidValue(f"{own and own.path}: must have twenty different images or more, got {len(different)}")
    order = torch.randperm(len(different), generator=torch.Generator().manual_seed(0))
    return torch.tensor(np.stack([*different.values()])).permute(0, 3, 1, 2)[order].contiguous()


def _thing(file: Path) -> NDArray[np.uint8]:
    """A picture in the middle of a transparent square."""
    from PIL import Image, ImageOps

    image = ImageOps.contain(upright(file), (THING, THING), Image.Resampling.BOX)
    square = Image.new("RGBA", (THING, THING))
    square.paste(image, ((THING - image.width) // 2, (THING - image.height) // 2))
    return np.asarray(square)


def photographed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A photograph of each thing, shape (n, 3, 32, 32), uint8.

    The thing is turned by up to 30 degrees, from 0.6 to 1.1 times its size, wider or narrower, off the middle, before
    two colours that go over into each other; light of a colour shines on it all.

    Args:
        pictures: things, shape (n, 4, side, side), uint8.
        generator: of the random numbers.
    """
    count = len(pictures)

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    angle, zoom, stretch = between(-pi / 6, pi / 6), between(0.9, 1.6), between(0.85, 1.18)
    across, up = between(-0.25, 0.25), between(-0.25, 0.25)
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    where = torch.stack([cosine * stretch, -sine, across, sine * stretch, cosine, up], dim=1).view(count, 2, 3)
    grid = affine_grid(where, [count, 4, SIDE, SIDE], align_corners=False)
    colours, opaque = pictures[:, :3] / 255, pictures[:, 3:] / 255
    seen = grid_sample(torch.cat([colours * opaque, opaque], dim=1), grid, align_corners=False)
    left, right = between(0, 1, 3, 1, 1), between(0, 1, 3, 1, 1)
    behind = left + (right - left) * torch.linspace(0, 1, SIDE)
    scene = seen[:, :3] + behind * (1 - seen[:, 3:])
    lit = scene * between(0.6, 1.2, 3, 1, 1) + between(-0.2, 0.2, 1, 1, 1)
    shot: Tensor = (255 * lit.clamp(0, 1)).round().byte()
    return shot


@cache
def _split(own: Own | None) -> tuple[Tensor, Tensor]:
    """Photographs of known and of unseen things, shape (things, photographs, 3, 32, 32)."""
    count = len(things(own)) - min(HELD_OUT, len(things(own)) // 3)
    known, unseen = things(own)[:count], things(own)[count:]
    generator = torch.Generator().manual_seed(0)
    shots = torch.stack([photographed(unseen, generator) for _ in range(2)], dim=1)
    return torch.stack([photographed(known, generator) for _ in range(VIEWS)], dim=1), shots


@cache
def _on(device: torch.device, own: Own | None) -> tuple[Tensor, Tensor]:
    known, unseen = _split(own)
    return known.to(device), unseen.to(device)


def held_out(device: torch.device, own: Own | None) -> tuple[Tensor, Tensor]:
    """Two photographs of each unseen thing, each of shape (n, 3, 32, 32): one taken before, and one to find it by."""
    before, query = _on(device, own)[1].unbind(dim=1)
    return before, query


def batches(own: Own | None, seed: int, batch_size: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch: all things in a new order, two different photographs of each; the remainder is left out."""
    known, _ = _on(device, own)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(known), generator=generator).to(device)
    two = torch.rand(len(known), VIEWS, generator=generator).topk(2).indices.to(device)
    size = min(batch_size, len(known))
    for chosen, views in zip(order.unfold(0, size, size), two.unfold(0, size, size).mT, strict=True):
        yield known[chosen, views[:, 0]], known[chosen, views[:, 1]]
