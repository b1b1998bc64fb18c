"""Programs in the manner of questions that people asked, written after all thresholds had been chosen, and run once."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .healthy import Recurrent
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
)

PROGRAMS: dict[str, Program] = {}
fault = register(PROGRAMS)
entropy = functional.cross_entropy


@fault("zero_grad", "no_step", "no_grad", held=True)
def zeroed_before_the_step(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Gradients are zeroed between the backward pass and the step."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    before = lambda step: None if fixed else optimizer.zero_grad()  # noqa: E731
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps, before=before)


@fault("no_grad", "no_step", held=True)
def loss_made_anew(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The loss is put into a new tensor that needs a gradient, since backward() had complained."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        value = squared(outputs, targets)
        return value if fixed else torch.tensor(value.item(), requires_grad=True)

    return loop(watch, model, optimizer, batches(*table(), seed), loss, steps)


@fault("softmax_dim", "output_range", "no_signal", held=True)
def softmax_of_one(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A binary classifier ends in the softmax of its only output, which is 1."""
    images, labels = digits()
    model = mlp(64, 32, 1).append(nn.Sigmoid() if fixed else nn.Softmax(dim=1))
    loss = lambda outputs, targets: functional.binary_cross_entropy(outputs.squeeze(-1), targets)  # noqa: E731
    data = batches(images, (labels > 4).float(), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), data, loss, steps)


@fault("shape", held=True)
def absolute_differences(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Absolute differences, by hand, of a column of outputs and a row of targets."""
    model = mlp(10, 32, 1)
    loss = lambda outputs, targets: (outputs.squeeze(-1) if fixed else outputs).sub(targets).abs().mean()  # noqa: E731
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), loss, steps)


@fault("lr_high", "nan", held=True)
def summed_squares(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An autoencoder whose squares are summed over images and pixels, at the learning rate of their mean."""
    images, _ = digits()
    model = Autoencoder()
    loss = lambda outputs, wanted: functional.mse_loss(outputs, wanted, reduction="mean" if fixed else "sum")  # noqa: E731
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), loss, steps)


@fault("input_scale", held=True)
def years_as_inputs(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """One column of a table is a year."""
    inputs, targets = table()
    inputs = inputs.clone()
    if not fixed:
        inputs[:, 0] = 2005 + 8 * inputs[:, 0]
    model = mlp(10, 48, 48, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    return loop(watch, model, optimizer, batches(inputs, targets, seed), squared, steps)


@fault("target_scale", held=True)
def years_as_targets(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The year itself is predicted, by a Huber loss."""
    inputs, targets = table()
    model = mlp(10, 48, 1)
    loss = lambda outputs, wanted: functional.huber_loss(outputs.squeeze(-1), wanted)  # noqa: E731
    data = batches(inputs, targets if fixed else 2005 + 8 * targets, seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), data, loss, steps)


@fault("scheduler", held=True)
def period_in_epochs(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The half period of a cosine is given in epochs, but stepped each batch: the rate goes up and down."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps if fixed else 6)
    after = lambda step: scheduler.step()  # noqa: E731
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps, after=after)


@fault("not_shuffled", held=True)
def sorted_by_target(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A table is sorted by its target, and not shuffled."""
    inputs, targets = table()
    model = mlp(10, 32, 1)
    data = batches(inputs, targets, seed, order=None if fixed else targets.argsort())
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), data, squared, steps)


@fault("lr_low", held=True)
def tiny_loss(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The loss of a transformer is divided by the number of all symbols of the data set."""
    model = Transformer()
    loss = lambda logits, targets: language_loss(logits, targets) / (1 if fixed else 8192 * 16)  # noqa: E731
    optimizer = torch.optim.SGD(model.parameters(), 0.3, momentum=0.9)
    return loop(watch, model, optimizer, batches(*chain(), seed), loss, int(0.8 * steps))


@fault("rounding", held=True)
def half_weights(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """All weights of an autoencoder are bfloat16, and the steps are too small for it."""
    images, _ = digits()
    kind = torch.float32 if fixed else torch.bfloat16
    model = Autoencoder().to(kind)
    data = batches(images.to(kind), images.flatten(1).to(kind), seed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3 if fixed else 3e-5), data, squared, steps)


@fault("weight_decay", held=True)
def decay_in_adam(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Weight decay 1 is added to the gradients of a transformer by Adam."""
    model = Transformer()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3, weight_decay=0.0 if fixed else 1.0)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, int(0.8 * steps))


@fault("lr_high", held=True)
def fast_recurrent(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A recurrent net with Adam at learning rate 1."""
    model = Recurrent()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3 if fixed else 1.0)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, int(0.8 * steps))


@fault("symmetry", held=True)
def same_filters(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """All filters of a convolutional net start at 0.05."""
    model = cnn()
    if not fixed:
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.constant_(module.weight, 0.05)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("no_signal", held=True)
def other_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An autoencoder is to give another image than it gets: a second shuffle went into the targets."""
    images, _ = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(5))
    model = Autoencoder()
    wanted = (images if fixed else images[order]).flatten(1)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(images, wanted, seed), squared, steps)
