"""Length of the steps: learning rates, schedules, clipping, decay, accumulation, leaps."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .parts import (
    Autoencoder,
    Program,
    Transformer,
    Watch,
    batches,
    chain,
    cnn,
    digits,
    language_loss,
    loop,
    mlp,
    register,
    squared,
    table,
)  # fmt: skip

PROGRAMS: dict[str, Program] = {}
fault = register(PROGRAMS)
entropy = functional.cross_entropy


@fault("lr_high")
def fast_cnn(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """SGD with momentum at learning rate 2."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.05 if fixed else 2.0, momentum=0.9)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("lr_high")
def fast_transformer(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Adam at learning rate 0.2 on a transformer."""
    model = Transformer()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3 if fixed else 0.2)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, int(0.8 * steps))


@fault("lr_high", "nan", held=True)
def fast_regression(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """SGD at learning rate 3 on a regression: it overflows."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.05 if fixed else 3.0)
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps)


@fault("lr_high", held=True)
def fast_autoencoder(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Adam at learning rate 0.3 on an autoencoder."""
    model = Autoencoder()
    images, _ = digits()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3 if fixed else 0.3)
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


@fault("lr_high")
def long_memory(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Momentum 0.998 at the learning rate of 0.9."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9 if fixed else 0.998)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("lr_low")
def slow_adam(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Adam at learning rate 1e-7."""
    model = cnn()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3 if fixed else 1e-7)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("lr_low", held=True)
def slow_regression(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """SGD at learning rate 1e-5 on a regression."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.05 if fixed else 1e-5)
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps)


@fault("lr_vanished")
def halved_each_batch(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A schedule that halves the learning rate each epoch is stepped each batch."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    after = lambda step: scheduler.step() if not fixed or step % 50 == 49 else None  # noqa: E731
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps, after=after)


@fault("group_lr")
def frozen_by_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The convolutions have learning rate 1e-9."""
    model = cnn()
    groups = [{"params": model[:8].parameters(), "lr": 2e-3 if fixed else 1e-9}, {"params": model[8:].parameters()}]
    return loop(watch, model, torch.optim.Adam(groups, 2e-3), batches(*digits(), seed), entropy, steps)


@fault("clip")
def clipped_norm(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Gradients are clipped to a norm of 1e-4."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    before = lambda step: nn.utils.clip_grad_norm_(model.parameters(), 5.0 if fixed else 1e-4)  # noqa: E731
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps, before=before)


@fault("clip", held=True)
def clipped_values(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Each entry of the gradient is clipped to 1e-5."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = lambda step: nn.utils.clip_grad_value_(model.parameters(), 1.0 if fixed else 1e-5)  # noqa: E731
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps, before=before)


@fault("accumulation", "lr_high")
def summed(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Sixteen small batches are summed, not averaged."""
    model = mlp(64, 32, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor, data = watch(model, optimizer), batches(*digits(), seed, size=8)
    for _ in range(steps // 3):
        optimizer.zero_grad()
        for _, (images, labels) in zip(range(16), data, strict=False):
            loss = entropy(model(images), labels)
            (loss / 16 if fixed else loss).backward()
        optimizer.step()
        doctor.step(loss)
    return doctor


@fault("weight_decay")
def strong_decay(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Weight decay 0.5 in the gradient."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4 if fixed else 0.5)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("weight_decay", held=True)
def strong_decoupled_decay(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """AdamW with weight decay 30."""
    model = mlp(64, 32, 10)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01 if fixed else 30.0)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("spike")
def bad_batch(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """One batch of noise, 100 times as large, at step 200."""
    images, labels = digits()
    model = cnn()

    def data() -> Any:
        for step, (inputs, wanted) in enumerate(batches(images, labels, seed)):
            yield (torch.randn(inputs.shape) * 100 if step == 200 and not fixed else inputs), wanted

    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), data(), entropy, steps)
