"""Losses that do not fit the last activation, the shape or the range of the outputs."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
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


def _loop(*arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():  # torch warns of targets of another shape
        warnings.simplefilter("ignore")
        return loop(*arguments, **options)


@fault("softmax_twice")
def softmax_in_a_cnn(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A convolutional net ends in softmax, and cross-entropy takes it again."""
    model = cnn().append(nn.Identity() if fixed else nn.Softmax(-1))
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("softmax_twice")
def softmax_outside(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The loop takes a softmax before cross-entropy with label smoothing."""
    model = Transformer()

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        rows = (logits if fixed else logits.softmax(-1)).reshape(-1, 24)
        return entropy(rows, targets.reshape(-1), label_smoothing=0.1)

    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*chain(), seed), loss, steps // 2)


@fault("softmax_twice")
def sigmoid_twice(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A binary classifier ends in a sigmoid, and the loss takes it again."""
    model = mlp(64, 32, 1).append(nn.Identity() if fixed else nn.Sigmoid())
    images, labels = digits()
    loss = lambda outputs, targets: functional.binary_cross_entropy_with_logits(outputs.squeeze(-1), targets)  # noqa: E731
    data = batches(images, (labels % 2).float(), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), data, loss, steps)


@fault("loss_input")
def likelihood_of_logits(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """NLLLoss gets logits."""
    model = mlp(64, 32, 10)
    loss = lambda outputs, labels: functional.nll_loss(outputs.log_softmax(-1) if fixed else outputs, labels)  # noqa: E731
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.05), batches(*digits(), seed), loss, steps)


@fault("loss_input")
def divergence_of_probabilities(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """KLDivLoss gets probabilities instead of their logarithms."""
    model = mlp(64, 32, 10).append(nn.LogSoftmax(-1) if fixed else nn.Softmax(-1))

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        wanted = 0.9 * functional.one_hot(labels, 10) + 0.01
        return functional.kl_div(outputs, wanted, reduction="batchmean")

    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), loss, steps)


@fault("shape")
def targets_in_a_column(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Outputs (N), targets (N, 1)."""
    model = mlp(10, 32, 1)
    inputs, targets = table()
    loss = lambda outputs, wanted: functional.mse_loss(outputs if fixed else outputs.squeeze(-1), wanted)  # noqa: E731
    data = batches(inputs, targets.unsqueeze(-1), seed)
    return _loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), data, loss, steps)


@fault("shape")
def differences_by_hand(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A squared error that is written out broadcasts (N, 1) against (N)."""
    model = mlp(10, 32, 1)
    loss = lambda outputs, wanted: ((outputs.squeeze(-1) if fixed else outputs) - wanted).pow(2).mean()  # noqa: E731
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), loss, steps)


@fault("shape", held=True)
def absolute_differences(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An absolute error of (N, 1) against (N)."""
    model = mlp(10, 32, 32, 1)
    loss = lambda outputs, wanted: functional.l1_loss(outputs.squeeze(-1) if fixed else outputs, wanted)  # noqa: E731
    return _loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), loss, steps)


@fault("output_range")
def positive_logits(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A net for cross-entropy ends in ReLU."""
    model = cnn().append(nn.Identity() if fixed else nn.ReLU())
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("output_range")
def sigmoid_for_standardized(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An autoencoder of standardized images ends in a sigmoid."""
    model = Autoencoder(nn.Identity() if fixed else nn.Sigmoid())
    images, _ = digits()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


@fault("output_range", held=True)
def tanh_for_a_table(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A regression on standardized targets ends in tanh."""
    model = mlp(10, 32, 1).append(nn.Identity() if fixed else nn.Tanh())
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), squared, steps)


@fault("ascent")
def negative_error(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A squared error is maximized."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.003 if not fixed else 0.03)
    sign = 1.0 if fixed else -1.0
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps, sign=sign)


@fault("ascent")
def maximized(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An optimizer of a transformer has maximize=True."""
    model = Transformer()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, maximize=not fixed)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, steps // 2)


@fault("ascent", held=True)
def negative_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The update is added by hand with the wrong sign, by an optimizer of one's own."""

    class Own(torch.optim.Optimizer):
        def step(self) -> None:  # type: ignore[override]
            with torch.no_grad():
                for group in self.param_groups:
                    for param in group["params"]:
                        param.add_(param.grad, alpha=-group["lr"] if fixed else group["lr"])

    model = cnn()
    return loop(watch, model, Own(model.parameters(), {"lr": 0.05}), batches(*digits(), seed), entropy, steps)
