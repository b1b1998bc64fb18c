"""A small transformer, as language models have it: attention looks back only, norms stand before their layers."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

__all__ = ["HEADS", "Transformer", "write"]

HEADS = 4


class Transformer(nn.Module):
    """A language model: what a token is and where it stands, blocks, and how alike each token is to what came out.

    Args:
        tokens: how many different ones there are.
        longest: the length of the longest sequence.
        width: numbers that describe a token, a multiple of 4.
        depth: number of blocks.
    """

    def __init__(self, tokens: int, longest: int, width: int, depth: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(longest, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        for weight in (self.tokens.weight, self.places.weight):
            nn.init.normal_(weight, std=0.02)

    def forward(self, numbers: Tensor) -> Tensor:
        """From tokens, shape (n, length), to scores of the next one, shape (n, length, tokens)."""
        x: Tensor = self.blocks(self.tokens(numbers) + self.places.weight[: numbers.shape[1]])
        return linear(self.norm(x), self.tokens.weight)


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
        x = x + self.out(scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2))
        added: Tensor = self.hidden(self.norms[1](x))
        return x + added


@torch.no_grad()
def write(model: nn.Module, rows: int, length: int, temperature: float = 0.8) -> list[list[int]]:
    """Sequences that a language model writes behind token 0, drawn with the same random numbers each time."""
    generator, device = torch.Generator().manual_seed(0), next(model.parameters()).device
    tokens = torch.zeros(rows, 1, dtype=torch.long)
    while tokens.shape[1] <= length:
        chances = (model(tokens.to(device))[:, -1].cpu() / temperature).softmax(dim=1)
        tokens = torch.cat([tokens, torch.multinomial(chances, 1, generator=generator)], dim=1)
    return tokens[:, 1:].tolist()
