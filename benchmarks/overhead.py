"""What a session costs over the same loop written by hand: both make the same steps of the same model, in turns.

The clock is that of the one thread that both use.
"""

from collections.abc import Callable, Iterator
from time import thread_time
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from steepest import Adam
from steepest.workloads import find
from steepest.workloads.batches import FromBatches, read
from steepest.workloads.draws import epoch_seed
from steepest.workloads.seeding import seeded

from .timing import best, race, ratio

__all__ = ["measure"]

STEPS = 20
"""Steps of a call."""

Loop = Callable[[], list[Tensor]]


def measure(rounds: int) -> list[dict[str, Any]]:
    """Milliseconds a step by hand and by a session, and their ratio."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    for name, make in {"digits MLP": _digits, "CNN": _cnn, "small GPT": _gpt}.items():
        with seeded(0):
            by_hand, by_session = make()
            for first, second in zip(by_hand(), by_session(), strict=True):
                torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
            turns = race({"by hand": by_hand, "session": by_session}, rounds, thread_time)
        ms = {side: 1e3 * seconds / STEPS for side, seconds in best(turns).items()}
        rows.append(
            {"training": name, "by hand ms": ms["by hand"], "session ms": ms["session"],
             "session / by hand": ratio(turns, "session", "by hand")}
        )  # fmt: skip
    torch.set_num_threads(threads)
    return rows


def _session(problem: Any) -> Loop:
    with seeded(0):
        session = problem.begin(0, "cpu")
    optimizer = Adam(session.model.parameters(), lr=1e-3)
    return lambda: session.advance(optimizer, STEPS)


def _by_hand(model: nn.Module, batches: Iterator[Any], loss_of: Callable[[nn.Module, Any], Tensor]) -> Loop:
    """The loop of any tutorial."""
    optimizer = Adam(model.parameters(), lr=1e-3)

    def loop() -> list[Tensor]:
        losses = []
        for _ in range(STEPS):
            batch = next(batches)
            optimizer.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    return loop


def _digits() -> tuple[Loop, Loop]:
    problem: Any = find("digits")
    inputs, targets, *_ = problem.data()

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.Generator().manual_seed(0)
        while True:
            for chosen in torch.randperm(len(inputs), generator=order).split(64)[: len(inputs) // 64]:
                yield inputs[chosen], targets[chosen]

    with seeded(0):
        model = problem.model()
    return _by_hand(model, batches(), lambda model, batch: problem.loss(model(batch[0]), batch[1])), _session(problem)


def _both(module: ModuleType) -> tuple[Loop, Loop]:
    """By hand and by a session, for a file of batches."""
    vars(module).update(target=0.0, evaluate=lambda model: {"loss": 0.0})
    problem: FromBatches = read(module, module.__name__)

    def batches() -> Iterator[Any]:
        epoch = 0
        while True:
            yield from module.batches(epoch_seed(0, epoch))
            epoch += 1

    with seeded(0):
        model = module.model()
    return _by_hand(model, batches(), module.loss), _session(problem)


def _cnn() -> tuple[Loop, Loop]:
    module = ModuleType("cnn")
    images, digits, *_ = find("digits").data()  # type: ignore[attr-defined]
    images = images.reshape(-1, 1, 8, 8)

    def model() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10),
        )  # fmt: skip

    def batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        for chosen in order.split(64)[: len(images) // 64]:
            yield images[chosen], digits[chosen]

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    vars(module).update(model=model, batches=batches, loss=loss)
    return _both(module)


class _GPT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(64, 64), nn.Linear(64, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        hidden: Tensor = self.layers(self.embed(tokens), mask=mask, is_causal=True)
        return self.head(hidden)  # type: ignore[no-any-return]


def _gpt() -> tuple[Loop, Loop]:
    module = ModuleType("gpt")

    def batches(seed: int) -> Iterator[dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield {"tokens": torch.randint(64, (8, 33), generator=generator)}

    def loss(model: nn.Module, batch: Any) -> Tensor:
        tokens = batch["tokens"]
        return nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())

    vars(module).update(model=_GPT, batches=batches, loss=loss)
    return _both(module)
