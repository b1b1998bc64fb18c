"""python -m benchmarks.backward [--write]: the memory of a training step, with the optimizer's after backward or in it.

GPT-2's network of 124 million parameters. What torch's allocator gives out and takes back during the second step, of
which the largest sum is the peak: gradients, activations and temporaries, beside the weights and the optimizer's
states, which are there before. `--write` keeps the table in RESULTS.md.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.profiler import profile

import steepest

__all__ = ["GPT2", "measure", "peak"]

TITLE = "Memory of a step in backward, GPT-2"

ABOUT = """\
*peak*: the most that torch's allocator has given out during a step beyond weights and states: gradients, activations,
temporaries. All gradients take 475 MiB; that of the embedding, which is the output layer too, has two parts and their
sum, 147 MiB each, which are alive together in any case."""
"""What the columns are, and what bounds them."""

TOKENS = (64, 512)
"""Of a batch: where gradients take more than activations, and where they do not."""

Row = dict[str, Any]


class GPT2(nn.Module):
    """The network of Radford et al. 2019, whose output layer is its embedding."""

    def __init__(self, width: int = 768, blocks: int = 12, heads: int = 12, words: int = 50257) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(1024, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, words: Tensor) -> Tensor:
        """Logits of the next word at each place, shape (batch, places, words)."""
        length = words.shape[1]
        x = self.words(words) + self.places(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        logits: Tensor = self.norm(x) @ self.words.weight.T
        return logits


def peak(step: Callable[[], object]) -> int:
    """The most bytes that torch's allocator has given out during a call, beyond those at its begin."""
    with profile(profile_memory=True) as recorded:
        step()
    events = [event for event in recorded.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def after_backward(kind: Any, model: nn.Module) -> Callable[[], None]:
    """The usual step."""
    optimizer = kind(model.parameters(), lr=1e-4)

    def finish() -> None:
        optimizer.step()
        optimizer.zero_grad()

    return finish


def in_backward(model: nn.Module) -> Callable[[], None]:
    """Ours: nothing is left to do."""
    steepest.AdamW(model.parameters(), lr=1e-4).step_in_backward(model)
    return lambda: None


def torchs_hooks(model: nn.Module) -> Callable[[], None]:
    """The recipe of torch's tutorial: an optimizer a parameter, stepped by a hook."""
    optimizers = {param: torch.optim.AdamW([param], lr=1e-4, fused=True) for param in model.parameters()}

    def step(param: Tensor) -> None:
        optimizers[param].step()
        optimizers[param].zero_grad()

    for param in model.parameters():
        param.register_post_accumulate_grad_hook(step)
    return lambda: None


WAYS: dict[str, Callable[[nn.Module], Callable[[], None]]] = {
    "steepest, after backward": lambda model: after_backward(steepest.AdamW, model),
    "steepest, in backward": in_backward,
    "torch, after backward": lambda model: after_backward(partial(torch.optim.AdamW, fused=True), model),
    "torch, a hook and an optimizer a parameter": torchs_hooks,
}
"""Each makes what follows `backward()` in the training of a model."""


def measure(model: Callable[[], nn.Module] = GPT2, tokens: tuple[int, ...] = TOKENS, words: int = 50257) -> list[Row]:
    """A row for each way and number of tokens; the two of ours, which must agree bit by bit, are compared."""
    rows, ends = [], {}
    for count in tokens:
        for name, way in WAYS.items():
            torch.manual_seed(0)
            own = model()
            batch = torch.randint(0, words, (1, count + 1), generator=torch.Generator().manual_seed(1))
            finish = way(own)

            def step(own: nn.Module = own, batch: Tensor = batch, finish: Callable[[], None] = finish) -> None:
                loss = nn.functional.cross_entropy(own(batch[:, :-1]).flatten(0, 1), batch[0, 1:])
                loss.backward()  # type: ignore[no-untyped-call]
                finish()

            step()  # makes the states
            most = peak(step)
            size = sum(param.numel() for param in own.parameters())
            ends[name] = list(own.parameters())
            rows.append({"tokens": count, "AdamW": name, "peak MiB": most / 2**20, "bytes a parameter": most / size})
        after, within, *_ = ends.values()
        assert all(map(torch.equal, after, within)), "the steps in backward differ from the usual ones"
    return rows


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backward", description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    from .__main__ import keep_section, machine, table

    text = f"{ABOUT}\n\n{table(measure())}\n\n{machine()}"
    print(text)
    if arguments.write:
        keep_section(TITLE, text)


if __name__ == "__main__":
    main()
