"""A small transformer: language models, whose attention looks back only, and the blocks of other models."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, scaled_dot_product_attention

from ...base.checks import check_whole
from ...base.errors import InvalidValue

__all__ = ["NOTHING", "Block", "Transformer", "bits", "check_size", "loss", "write"]

HEADS = 4

WAVELENGTHS = 100.0
"""The longest wavelength of rotary positions against the shortest: enough for sequences of some hundred tokens."""

NOTHING = -100
"""A target that does not count, such as what would come behind the end."""


def check_size(name: str, width: int, depth: int) -> None:
    """See that a transformer can have this size.

    Raises:
        InvalidValue: it cannot.
    """
    check_whole(f"{name}: width", width, 2 * HEADS)
    if width % (2 * HEADS):
        raise InvalidValue(f"{name}: width: must be a multiple of {2 * HEADS}, got {width!r}")
    check_whole(f"{name}: depth", depth)


class Transformer(nn.Module):
    """A language model: vectors of tokens, blocks, and how alike the vector of each token is to what came out.

    Args:
        tokens: how many different ones there are.
        width: length of a vector, a multiple of 8.
        depth: number of blocks.
        places: places in a sequence that have vectors, too, where texts have a form, such as verses; else only
            the distances between tokens count.
        std: deviation of the vectors at the start.
    """

    def __init__(self, tokens: int, width: int, depth: int, places: int = 0, std: float = 0.02) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(places, width) if places else None
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        for embedding in filter(None, (self.tokens, self.places)):
            nn.init.normal_(embedding.weight, std=std)

    def forward(self, numbers: Tensor) -> Tensor:
        """From tokens, shape (n, length), to scores of the next one, shape (n, length, tokens)."""
        x: Tensor = self.tokens(numbers)
        if self.places is not None:
            x = x + self.places.weight[: numbers.shape[1]]
        return linear(self.norm(self.blocks(x)), self.tokens.weight)


class Block(nn.Module):
    """Attention, then a hidden layer; each is added to what came in.

    Args:
        width: as of a `Transformer`.
        looks_back: whether a token attends only to those before it and to itself.
        reads: whether each attends to another sequence, too, before the hidden layer.
    """

    def __init__(self, width: int, looks_back: bool = True, reads: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 + reads))
        self.attention = Attention(width, looks_back)
        self.reading = Attention(width) if reads else None
        self.hidden = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, read: Tensor | None = None) -> Tensor:
        """Of shape (n, length, width), as what it gives; what is read may have another length."""
        normed = self.norms[0](x)
        x = x + self.attention(normed, normed)
        if self.reading is not None:
            x = x + self.reading(self.norms[2](x), read)
        added: Tensor = self.hidden(self.norms[1](x))
        return x + added


class Attention(nn.Module):
    """Mixes the values of one sequence for each token of another, or of the same, as keys and its query are alike."""

    def __init__(self, width: int, looks_back: bool = False) -> None:
        super().__init__()
        self.looks_back = looks_back
        self.query, self.key_value, self.out = (nn.Linear(width, of * width) for of in (1, 2, 1))

    def forward(self, x: Tensor, read: Tensor) -> Tensor:
        """From shape (n, length, width), and another length for what is read, to the shape of `x`."""
        query = self.query(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        key, value = self.key_value(read).unflatten(-1, (2, HEADS, -1)).transpose(1, 3).unbind(2)
        mixed = scaled_dot_product_attention(turned(query), turned(key), value, is_causal=self.looks_back)
        attended: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return attended


def turned(x: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): pairs of numbers are turned by angles that grow with the place.

    So the product of a query and a key depends on how far they are apart, and not on where they are.

    Args:
        x: shape (..., length, an even number).
    """
    length, pairs = x.shape[-2], x.shape[-1] // 2
    speeds = WAVELENGTHS ** -(torch.arange(pairs, device=x.device) / pairs)
    angles = torch.arange(length, device=x.device).unsqueeze(1) * speeds
    cosines, sines = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosines - b * sines, a * sines + b * cosines], dim=-1)


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the next token, in nats, where there is a target.

    Args:
        output: scores, shape (n, length, tokens).
        targets: tokens, shape (n, length), or `NOTHING`.
    """
    return cross_entropy(output.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)


def bits(output: Tensor, targets: Tensor) -> Tensor:
    """The same in bits."""
    return loss(output, targets) / math.log(2)


@torch.no_grad()
def write(model: nn.Module, start: Tensor, count: int, window: int, temperature: float = 0.8) -> Tensor:
    """Sequences with `count` tokens that a language model writes behind them, drawn with the same numbers each time.

    Args:
        start: shape (n, length).
        count: of tokens to write.
        window: how many tokens the model looks at.
        temperature: by which scores are divided; below 1 for likely tokens.
    """
    generator, tokens = torch.Generator().manual_seed(0), start
    for _ in range(count):
        chances = (model(tokens[:, -window:])[:, -1].float().cpu() / temperature).softmax(dim=1)
        drawn = torch.multinomial(chances, 1, generator=generator)
        tokens = torch.cat([tokens, drawn.to(tokens.device)], dim=1)
    return tokens
