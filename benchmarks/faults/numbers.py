"""Precision, and what is not finite."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .parts import Autoencoder, Program, Watch, batches, cnn, digits, loop, mlp, register, squared, table

PROGRAMS: dict[str, Program] = {}
fault = register(PROGRAMS)
entropy = functional.cross_entropy


@fault("half_adam")
def half_precision(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """AdamW steps float16 parameters with its default eps."""
    model = mlp(64, 32, 10)
    model = model if fixed else model.half()
    images, labels = digits()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, foreach=False)
    return loop(watch, model, optimizer, batches(images if fixed else images.half(), labels, seed), entropy, steps)


@fault("rounding")
def lost_steps(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A convolutional net in bfloat16 with a small learning rate."""
    model = cnn() if fixed else cnn().bfloat16()
    images, labels = digits()
    data = batches(images if fixed else images.bfloat16(), labels, seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-4), data, entropy, steps // 2)


@fault("eps_large")
def eps_of_a_config(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Adam with eps 0.5 on a regression."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3, eps=1e-8 if fixed else 0.5)
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps)


@fault("eps_large", held=True)
def eps_of_rmsprop(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """RMSprop with eps 1 on an autoencoder."""
    model = Autoencoder()
    images, _ = digits()
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, eps=1e-8 if fixed else 1.0)
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


@fault("nan")
def logarithm_of_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A cross-entropy that is written out takes the logarithm of a probability that becomes 0."""
    model = mlp(64, 32, 10)

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        odds = outputs.mul(400).softmax(-1)
        own = functional.one_hot(labels, 10)
        return -(own * (odds + (1e-6 if fixed else 0)).log()).sum(-1).mean()

    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), batches(*digits(), seed), loss, steps)


@fault("nan", held=True)
def zero_by_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Outputs are divided by their deviation over the batch, which is 0 for a batch of equal images."""
    images, labels = digits()
    model = cnn()

    def loss(outputs: Tensor, wanted: Tensor) -> Tensor:
        return entropy((outputs - outputs.mean(0)) / (outputs.std(0) + (1e-3 if fixed else 0)), wanted)

    def data() -> Any:
        for step, (inputs, wanted) in enumerate(batches(images, labels, seed)):
            yield (inputs[:1].expand(32, -1, -1, -1) if step == 120 and not fixed else inputs), wanted

    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data(), loss, steps)
