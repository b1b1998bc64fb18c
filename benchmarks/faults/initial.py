"""Initial weights, dead units, vanishing gradients, dropout."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .parts import (
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


def _each(model: nn.Module, change: Any) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            change(module)


@fault("dead_units")
def dead_filters(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The filters of a convolutional net start with a bias of -10."""
    model = cnn()
    if not fixed:
        _each(model[4], lambda module: nn.init.constant_(module.bias, -10.0))
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), batches(*digits(), seed), entropy, steps)


@fault("vanishing")
def deep_sigmoids(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A regression through seven layers of sigmoids."""
    model = mlp(10, *[24] * 7, 1, activation=nn.ReLU if fixed else nn.Sigmoid, norm=fixed)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps)


@fault("vanishing", held=True)
def small_tanh(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Six layers of tanh whose weights are drawn with a deviation of 0.01."""
    model = mlp(64, *[32] * 6, 10, activation=nn.Tanh)
    if not fixed:
        _each(model, lambda module: nn.init.normal_(module.weight, std=0.01))
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("init_large")
def wide_start(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Filters and weights are drawn from a standard normal distribution."""
    model = cnn()
    if not fixed:
        _each(model, lambda module: nn.init.normal_(module.weight))
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.01), batches(*digits(), seed), entropy, steps)


@fault("init_large", held=True)
def wide_head(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The head of a transformer starts 20 times too large."""
    model = Transformer()
    if not fixed:
        with torch.no_grad():
            model.head.weight *= 20
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, steps // 2)


@fault("symmetry")
def zeros(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """All weights of a regression start at 0.1."""
    model = mlp(10, 32, 32, 1)
    if not fixed:
        _each(model, lambda module: nn.init.constant_(module.weight, 0.1) + nn.init.zeros_(module.bias).sum())
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), squared, steps)


@fault("dropout")
def kept_for_dropped(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The share to keep, 0.9, is given as the share to drop."""
    model = mlp(64, 64, 10, drop=0.1 if fixed else 0.9)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)
