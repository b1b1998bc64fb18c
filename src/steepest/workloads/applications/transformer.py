"""A small transformer, as language models have it: attention looks back only, norms stand before their layers."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, scaled_dot_product_attention

from ...base.errors import InvalidValue

__all__ = ["NOTHING", "Transformer", "bits", "check_size", "loss", "write"]

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
    if width < 1 or width % (2 * HEADS) or depth < 1:
        raise InvalidValue(f"{name}: width must be a multiple of 8, depth from 1, got {width!r} and {depth!r}")


class Transformer(nn.Module):
    """A language model: vectors of tokens, blocks, and how alike the vector of each token is to what came out.

    Args:
        tokens: how many different ones there are.
        width: length of a vector, a multiple of 8.
        depth: number of blocks.
        places: places in a sequence that have vectors, too, where texts have a form, such as verses; else only
            the distances between tokens count.
    """

    def __init__(self, tokens: int, width: int, depth: int, places: int = 0) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(places, width) if places else None
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        for embedding in filter(None, (self.tokens, self.places)):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, numbers: Tensor) -> Tensor:
        """From tokens, shape (n, length), to scores of the next one, shape (n, length, tokens)."""
        x: Tensor = self.tokens(numbers)
        if self.places is not None:
            x = x + self.places.weight[: numbers.shape[1]]
        return linear(self.norm(self.blocks(x)), self.tokens.weight)


class Block(nn.Module):
    """Attention to the tokens before, then a hidden layer; each is added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Of shape (n, length, width), as what it gives."""
        query, key, value = self.qkv(self.norms[0](x)).unflatten(-1, (3, HEADS, -1)).transpose(1, 3).unbind(2)
        attended = scaled_dot_product_attention(turned(query), turned(key), value, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        added: Tensor = self.hidden(self.norms[1](x))
        return x + added


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
