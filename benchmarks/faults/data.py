"""Inputs and targets: scale, order, constants, gaps."""

from typing import Any

import torch
from torch.nn import functional

from .parts import Autoencoder, Program, Watch, batches, cnn, digits, loop, mlp, register, squared, table

PROGRAMS: dict[str, Program] = {}
fault = register(PROGRAMS)
entropy = functional.cross_entropy


@fault("input_scale")
def raw_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Images of 0 to 255."""
    images, labels = digits()
    model = cnn()
    data = batches(images if fixed else (images * 6.02 + 4.88) * 16, labels, seed)
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), data, entropy, steps)


@fault("input_scale")
def raw_table(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """One column of a table in thousands."""
    inputs, targets = table()
    inputs = inputs.clone()
    if not fixed:
        inputs[:, 3] = 2000 * inputs[:, 3] + 5000
    model = mlp(10, 32, 1)
    return loop(
        watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(inputs, targets, seed), squared, steps
    )


@fault("input_scale", held=True)
def scaled_twice(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Images in [0, 1] are divided by 255 again."""
    images, labels = digits()
    model = mlp(64, 32, 10)
    data = batches(images if fixed else (images * 6.02 + 4.88) / 16 / 255, labels, seed)
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), data, entropy, steps)


@fault("target_scale")
def raw_targets(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Targets around 200000, as prices of houses."""
    inputs, targets = table()
    model = mlp(10, 32, 1)
    data = batches(inputs, targets if fixed else 200_000 + 50_000 * targets, seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), data, squared, steps)


@fault("target_scale", held=True)
def tiny_targets(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Targets of a thousandth."""
    inputs, targets = table()
    model = mlp(10, 32, 1)
    data = batches(inputs, targets if fixed else targets / 1000, seed)
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.05), data, squared, steps)


@fault("labels")
def one_class(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The wrong column is read as label: it is always 3."""
    images, labels = digits()
    model = cnn()
    data = batches(images, labels if fixed else torch.full_like(labels, 3), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data, entropy, steps)


@fault("labels", held=True)
def one_value(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The targets of a regression are all 0."""
    inputs, targets = table()
    model = mlp(10, 32, 1)
    data = batches(inputs, targets if fixed else torch.zeros_like(targets), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data, squared, steps)


@fault("no_signal")
def misaligned(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Images are shuffled, their labels are not."""
    images, labels = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
    model = cnn()
    data = batches(images if fixed else images[order], labels, seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data, entropy, steps)


@fault("no_signal", held=True)
def misaligned_table(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Rows of a table are shuffled, their targets are not."""
    inputs, targets = table()
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(1))
    model = mlp(10, 32, 1)
    data = batches(inputs if fixed else inputs[order], targets, seed)
    return loop(watch, model, torch.optim.SGD(model.parameters(), 0.05), data, squared, steps)


@fault("not_shuffled")
def sorted_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Images are sorted by class."""
    images, labels = digits()
    model = cnn()
    data = batches(images, labels, seed, order=None if fixed else labels.argsort(stable=True))
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data, entropy, steps)


@fault("nan")
def gap_in_a_table(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A table has one gap."""
    inputs, targets = table()
    inputs = inputs.clone()
    if not fixed:
        inputs[300, 2] = torch.nan
    model = mlp(10, 32, 1)
    return loop(
        watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(inputs, targets, seed), squared, steps
    )


@fault("overfitting")
def few_examples(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """32 noisy examples, a wide net, and many epochs."""
    inputs, targets = table()
    many = 1200 if fixed else 32
    model = mlp(10, 128, 1)

    def validation() -> torch.Tensor:
        return squared(model(inputs[1200:]), targets[1200:])

    noisy = targets[:many] + torch.randn(many, generator=torch.Generator().manual_seed(2))
    data = batches(inputs[:many], noisy, seed)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    own = lambda model, optimizer: watch(model, optimizer, validation=validation)  # noqa: E731
    return loop(own, model, optimizer, data, squared, 4 * steps if not fixed else steps)


@fault("input_scale", "no_signal", held=True)
def empty_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An integer division makes every input 0."""
    images, _ = digits()
    model = Autoencoder()
    data = batches(images if fixed else torch.zeros_like(images), images.flatten(1), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), data, squared, steps)
