"""What is trained, and in which mode: optimizers, parameters, graphs, zeroed gradients."""

import copy
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


@fault("zero_grad")
def never_zeroed(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A convolutional net whose gradients are never zeroed."""
    model = cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps, zero=lambda step: fixed)


@fault("zero_grad")
def zeroed_each_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Gradients are zeroed at the start of each epoch only."""
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    zero = lambda step: fixed or step % 50 == 0  # noqa: E731
    return loop(watch, model, optimizer, batches(*table(), seed), squared, steps, zero=zero)


@fault("zero_grad")
def another_zeroed(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An autoencoder whose loop zeroes the gradients of a copy of it."""
    model, other = Autoencoder(), Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    images, _ = digits()
    zero = lambda step: fixed or other.zero_grad()  # noqa: E731
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps, zero=zero)


@fault("foreign_params")
def copied_after(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The model is copied after its optimizer was made, and the copy is trained."""
    model = cnn()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    model = model if fixed else copy.deepcopy(model)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("foreign_params", "missing_params")
def new_head(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The last layer is replaced after the optimizer was made."""
    model = mlp(64, 32, 32, 10)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    if not fixed:
        model[-1] = nn.Linear(32, 10)
    return loop(watch, model, optimizer, batches(*digits(), seed), entropy, steps)


@fault("foreign_params")
def other_encoder(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A pretrained encoder is put into an autoencoder whose optimizer has the old one."""
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    if not fixed:
        model.encoder = mlp(64, 32, 12)
    images, _ = digits()
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


class Listed(nn.Module):
    """Hidden layers in a list, which a module does not see."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        layers = [nn.Linear(64, 64), nn.Linear(64, 64)]
        self.hidden, self.head = nn.ModuleList(layers) if fixed else layers, nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = images.flatten(1)
        for layer in self.hidden:
            hidden = torch.relu(layer(hidden))
        return self.head(hidden)


@fault("missing_params")
def plain_list(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Layers are kept in a Python list instead of a ModuleList."""
    model = Listed(fixed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("missing_params")
def loss_weight(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A learned temperature of the loss is not given to the optimizer."""
    model, temperature = cnn(), nn.Parameter(torch.tensor(0.3))
    optimizer = torch.optim.Adam([*model.parameters(), *([temperature] if fixed else [])], 2e-3)
    loss = lambda outputs, labels: entropy(outputs * temperature.exp(), labels)  # noqa: E731
    return loop(watch, model, optimizer, batches(*digits(), seed), loss, steps)


@fault("missing_params")
def half_given(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The decoder of an autoencoder is not given to the optimizer."""
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters() if fixed else model.encoder.parameters(), 2e-3)
    images, _ = digits()
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


@fault("no_grad")
def cut_code(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """An autoencoder detaches its code."""
    model = Autoencoder(cut=not fixed)
    images, _ = digits()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return loop(watch, model, optimizer, batches(images, images.flatten(1), seed), squared, steps)


@fault("no_grad")
def embedding_without_graph(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A transformer embeds its symbols under no_grad."""
    model = Transformer(cut=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return loop(watch, model, optimizer, batches(*chain(), seed), language_loss, steps // 2)


class ThroughArray(nn.Module):
    """Features that go through NumPy."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        self.features, self.head, self.fixed = mlp(10, 32, 32), nn.Linear(32, 1), fixed

    def forward(self, inputs: Tensor) -> Tensor:
        features = torch.relu(self.features(inputs))
        return self.head(features if self.fixed else torch.from_numpy(features.detach().numpy()))


@fault("no_grad")
def through_numpy(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Features of a regression go through NumPy."""
    model = ThroughArray(fixed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 3e-3), batches(*table(), seed), squared, steps)


@fault("no_step")
def never_stepped(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """The scheduler is stepped where the optimizer was meant."""
    model = mlp(64, 32, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _, (images, labels) in zip(range(steps), batches(*digits(), seed), strict=False):
        optimizer.zero_grad()
        loss = entropy(model(images), labels)
        loss.backward()
        if fixed:
            optimizer.step()
        doctor.step(loss)
    return doctor


@fault("eval_mode")
def loaded_for_evaluation(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A model is set to evaluation after loading, and then trained."""
    model = cnn(norm=True, drop=0.2).train(fixed)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 2e-3), batches(*digits(), seed), entropy, steps)


@fault("eval_mode")
def evaluated_on_the_way(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """A transformer with dropout is evaluated at step 60 and stays in that mode."""
    model = Transformer(drop=0.1)
    symbols, following = chain()

    def after(step: int) -> None:
        if step == 60:
            model.eval()
            with torch.no_grad():
                language_loss(model(symbols[:64]), following[:64])
            model.train(fixed)

    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return loop(watch, model, optimizer, batches(symbols, following, seed), language_loss, steps // 2, after=after)


@fault("batch_norm")
def one_at_a_time(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
    """Batch normalization with batches of one image."""
    model = cnn(norm=True)
    data = batches(*digits(), seed, size=16 if fixed else 1)
    return loop(watch, model, torch.optim.Adam(model.parameters(), 1e-3), data, entropy, steps)
