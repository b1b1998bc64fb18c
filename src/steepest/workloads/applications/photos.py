"""Photo recognition: find the thing that was photographed before, contrastive learning of a convolutional network."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ...base.checks import check_whole
from ...base.text import Text
from ..batches import BatchesSession, FromBatches
from ..devices import device_of
from ..families import family
from ..own import Own, own_folder
from .photographs import SIDE, batches, held_out, things

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "照片识别：找出以前拍过的物体，卷积网络的对比学习。"

OWN = Text(
    "Photo recognition: your own things found again, contrastive learning.",
    "照片识别：找出自备图片中的物体，对比学习。",
)

QUICK: dict[str, Any] = {"width": 8, "steps": 20}

TEMPERATURE = 0.1
GREEN, RED = (46, 160, 67), (207, 34, 46)


@family
def photos(width: int = 32, length: int = 64, folder: str | None = None) -> "Photos":
    """A network that makes vectors of photos, alike for one thing, measured on things that it was not trained on.

    Args:
        width: channels of the first layer.
        length: of a vector.
        folder: pictures of your own things instead, one of each, twenty or more; a third, at most 200, is held out.

    Raises:
        InvalidValue: a setting out of its range, or a folder without pictures.
    """
    check_whole("photos: width", width)
    check_whole("photos: length", length)
    own = own_folder("photos", folder)
    if own is not None:
        things(own)
    return Photos(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        model=partial(Embedding, width, length),
        batches=partial(batches, own),
        takes=("seed", "batch_size", "device"),
        loss=batch_loss,
        evaluate=partial(evaluate, own),
        metric_name="recall at 1",
        higher_is_better=True,
        target=0.45,
        batch_size=64,
        own_batch_size=64,
        steps=600,
        own=own,
    )


class Embedding(nn.Module):
    """From a photo to a vector of length 1: four convolutions, of which three halve the sides, and a linear layer."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        layers, before = [], 3
        for after, stride in ((width, 2), (2 * width, 2), (2 * width, 2), (4 * width, 1)):
            layers += [nn.Conv2d(before, after, 3, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * (SIDE // 8) ** 2, length))

    def forward(self, photos: Tensor) -> Tensor:
        """From shape (n, 3, 32, 32), uint8, to (n, length)."""
        return normalize(self.layers(photos / 127.5 - 1), dim=1)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    r"""InfoNCE (van den Oord et al. 2018): among all second photos, tell that of the same thing, and the other way.

    $$-\frac{1}{2n} \sum_i \log \frac{e^{a_i \cdot b_i / \tau}}{\sum_j e^{a_i \cdot b_j / \tau}} +
    \log \frac{e^{a_i \cdot b_i / \tau}}{\sum_j e^{a_j \cdot b_i / \tau}}$$

    Args:
        first, second: vectors $a_i$ and $b_i$ of photos of the same things, shape (n, length).
    """
    alike = first @ second.T / TEMPERATURE
    same = torch.arange(len(alike), device=alike.device)
    return (cross_entropy(alike, same) + cross_entropy(alike.T, same)) / 2


def batch_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """How well the network tells which two photos of a batch are of one thing."""
    first, second = model(torch.cat(batch)).chunk(2)
    return contrast(first, second)


def evaluate(own: Own | None, model: nn.Module) -> dict[str, Tensor]:
    """The same of unseen things, and recall at 1: how often the nearest vector is that of the same thing."""
    before, query = held_out(device_of(model), own)
    known, asked = model(before), model(query)
    is_found = (asked @ known.T).argmax(dim=1) == torch.arange(len(asked), device=asked.device)
    return {"loss": contrast(asked, known), "recall at 1": is_found.float().mean()}


@dataclass(frozen=True, kw_only=True)
class Photos(FromBatches):
    """The problem, whose sessions can show what they find."""

    own: Own | None

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        session = Session(self, seed, device)
        session.own = self.own
        return session

    def examples(self) -> int:
        """Number of things to train on."""
        unseen, _ = held_out(torch.device("cpu"), self.own)
        return len(things(self.own)) - len(unseen)


class Session(BatchesSession):
    """One training."""

    own: Own | None

    def show(self, rows: int = 8, finds: int = 5) -> "Image":
        """Photos of unseen things, two side by side, each with the nearest ones taken before, the nearest first.

        A photo of the same thing has a green frame; where it is not among them, the one to find it by has a red frame.
        """
        from PIL import Image, ImageOps

        before, query = held_out(self._on, self.own)
        query = query[: 2 * rows]
        with self.evaluated():
            order = (self.model(query) @ self.model(before).T).topk(min(finds, len(before))).indices.tolist()
        pictures, asked = (photos.permute(0, 2, 3, 1).cpu().numpy() for photos in (before, query))
        place, frame = SIDE + 6, 2
        across = (finds + 2) * place
        sheet = Image.new("RGB", (2 * across - place // 2, -(-len(asked) // 2) * place), "white")
        for thing, found in enumerate(order):
            left, top = thing % 2 * across, thing // 2 * place
            photos = [(asked[thing], None if thing in found else RED)]
            photos += [(pictures[index], GREEN if index == thing else None) for index in found]
            for number, (photo, colour) in enumerate(photos):
                framed = ImageOps.expand(Image.fromarray(photo), frame, colour or "white")
                sheet.paste(framed, (left + number * place + (number > 0) * place // 2 + 1, top + 1))
        return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)
