"""What is kept up beside the steps: gradient scalers, schedulers, averages of weights, held-out data, layers."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .parts import (  # fmt: skip
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
)

PROGRAMS: dict[str, Program] = {}
fault = register(PROGRAMS)
entropy = functional.cross_entropy


class Lengths(nn.Module):
    """Features over the length of a learned vector that starts at 0, where a root has no gradient."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        self.body, self.head, self.least = nn.Linear(10, 32), nn.Linear(32, 1), 1e-6 if fixed else 0.0
        self.offset = nn.Parameter(torch.zeros(32))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.body(inputs) + self.offset)
        return self.head(hidden / (1 + (self.offset.square().sum() + self.least).sqrt()))


def _scaled(watch: Watch, model: nn.Module, data: Any, loss: Any, steps: int, scaler: Any) -> Any:
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        value = loss(model(inputs), targets)
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
        doctor.step(value)
    return doctor


@fault("loss_scale")
def skipped_always(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The root of 0 has no gradient, and a gradient scaler skips every step without a word."""
    scaler = torch.amp.GradScaler("cpu")
    return _scaled(watch, Lengths(fixed), batches(*table(), seed), squared, steps, scaler)


@fault("loss_scale")
def grown_each_step(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The scale is doubled each step, overflows, and half of the steps are skipped."""
    images, labels = digits()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120, growth_interval=2000 if fixed else 1)
    loss = lambda outputs, wanted: 100 * entropy(outputs, wanted)  # noqa: E731
    return _scaled(watch, mlp(64, 32, 10), batches(images, labels, seed), loss, 2 * steps, scaler)


@fault("average")
def average_forgotten(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A moving average of the weights is made, and never updated."""
    model = mlp(64, 32, 10)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    own = lambda model, optimizer: watch(model, optimizer, averaged=averaged)  # noqa: E731
    after = lambda step: averaged.update_parameters(model) if fixed else None  # noqa: E731
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return _ended(loop(own, model, optimizer, batches(*digits(), seed), entropy, steps, after=after))


@fault("average")
def copy_forgotten(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An average by hand is kept in a copy whose update is never called."""
    model, slow = mlp(10, 32, 1), mlp(10, 32, 1)
    slow.load_state_dict(model.state_dict())

    def after(step: int) -> None:
        if fixed:
            with torch.no_grad():
                for own, new in zip(slow.parameters(), model.parameters(), strict=True):
                    own.lerp_(new, 0.02)

    own = lambda model, optimizer: watch(model, optimizer, averaged=slow)  # noqa: E731
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    return _ended(loop(own, model, optimizer, batches(*table(), seed), squared, steps, after=after))


def _ended(doctor: Any) -> Any:
    doctor.close()  # whether an average was updated is looked at when a training ends
    return doctor


def _held_out(watch: Watch, model: nn.Module, held: Any, loss: Any) -> Any:
    return lambda model, optimizer: watch(model, optimizer, validation=lambda: loss(model(held[0]), held[1]))


@fault("leak")
def same_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The loader of the training data is evaluated as validation."""
    images, labels = digits()
    held = (images[1500:], labels[1500:]) if fixed else (images[:1500], labels[:1500])
    model = cnn()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    data = batches(images[:1500], labels[:1500], seed)
    return loop(_held_out(watch, model, held, entropy), model, optimizer, data, entropy, steps)


@fault("leak")
def repeated_before_the_split(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Rows are repeated to make more of them, and split afterwards."""
    inputs, targets = table()
    order = torch.randperm(3200, generator=torch.Generator().manual_seed(3))
    twice, wanted = inputs.repeat(2, 1)[order], targets.repeat(2)[order]
    held = (inputs[1200:], targets[1200:]) if fixed else (twice[2400:], wanted[2400:])
    data = batches(inputs[:1200], targets[:1200], seed) if fixed else batches(twice[:2400], wanted[:2400], seed)
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return loop(_held_out(watch, model, held, squared), model, optimizer, data, squared, steps)


@fault("scheduler")
def scheduled_before(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The scheduler is stepped before the optimizer."""
    model = mlp(64, 32, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    moves = lambda step: scheduler.step()  # noqa: E731
    order = {"after": moves} if fixed else {"before": moves}
    with warnings.catch_warnings():  # torch warns of the first step
        warnings.simplefilter("ignore")
        return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps, **order)


@fault("scheduler")
def one_cycle_by_epochs(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A cycle over all steps is stepped once an epoch: the learning rate stays at its start."""
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    after = lambda step: scheduler.step() if fixed or step % 50 == 49 else None  # noqa: E731
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, steps, after=after)


@fault("no_activation")
def activations_forgotten(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Three linear layers in a row."""
    model = mlp(64, 48, 32, 10, activation=nn.ReLU if fixed else nn.Identity)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("no_activation")
def convolutions_only(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Convolutions with batch normalization, and no activation anywhere."""
    between = nn.ReLU if fixed else nn.Identity
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), between(), nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16),
        between(), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.05), batches(*digits(), seed), entropy, steps)


@fault("softmax_dim")
def softmax_over_examples(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The logarithm of softmax is taken over dim 0."""
    model = mlp(64, 32, 10).append(nn.LogSoftmax(dim=1 if fixed else 0))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return loop(watch, model, optimizer, batches(*digits(), seed), functional.nll_loss, steps)


@fault("noise_floor")
def never_decayed(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Small batches at a constant learning rate, which should fall to 0."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 8 * steps)
    after = lambda step: scheduler.step() if fixed else None  # noqa: E731
    own = lambda model, optimizer: watch(model, optimizer, budget=0.3)  # noqa: E731
    return loop(own, model, optimizer, batches(*table(), seed, size=4), squared, 8 * steps, after=after)
