"""Programs of `twelfth` about pictures."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _shapes() -> tuple[Tensor, Tensor]:
    """Six kinds of shapes, of any size and place in 16 by 16 noisy pixels, standardized."""
    generator = generator_of(130)
    kind = torch.randint(6, (2600,), generator=generator)
    place = 5 + 5 * torch.rand(2, 2600, 1, 1, generator=generator)
    size = 3 + 2.5 * torch.rand(2600, 1, 1, generator=generator)
    across = (torch.arange(16).view(1, 1, 16) - place[0]).abs()
    down = (torch.arange(16).view(1, 16, 1) - place[1]).abs()
    round_, box = (across**2 + down**2).sqrt(), torch.maximum(across, down)
    shapes = torch.stack(
        [
            round_ < size,
            (round_ < size) & (round_ > size - 1.3),
            (box < size) & (box > size - 1.3),
            (box < size) & (torch.minimum(across, down) < 0.8),
            (box < size) & ((across - down).abs() < 0.9),
            across + down < size,
        ]
    )
    images = shapes[kind, torch.arange(2600)].float() + 0.35 * torch.randn(2600, 16, 16, generator=generator)
    return ((images - images.mean()) / images.std()).unsqueeze(1), kind


def _accuracy(model: nn.Module) -> float:
    """The share of unseen shapes that a model names rightly."""
    images, kind = _shapes()
    model.eval()
    with torch.no_grad():
        return right(model(images[2000:]), kind[2000:])


@cache
def _cells() -> tuple[Tensor, Tensor]:
    """Pictures of a few bright cells on uneven ground, and their masks."""
    generator = generator_of(131)
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    mask = torch.zeros(700, 20, 20, dtype=torch.bool)
    for _ in range(3):
        place = 20 * torch.rand(2, 700, 1, 1, generator=generator)
        size = 1.2 + 1.3 * torch.rand(700, 1, 1, generator=generator)
        mask |= (x - place[0]) ** 2 + (y - place[1]) ** 2 < size**2
    slope = torch.randn(700, 1, 1, generator=generator)
    images = 1.3 * mask + 0.4 * slope * (x / 10 - 1) + 0.6 * torch.randn(700, 20, 20, generator=generator)
    return images.unsqueeze(1), mask.float().unsqueeze(1)


@fault("softmax_twice")
def mask_through_two_sigmoids(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A segmentation net ends in a sigmoid, and the loss is BCEWithLogitsLoss; repaired the net gives logits."""
    images, masks = _cells()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 1)
    )
    if not fixed:
        model.append(nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:600], masks[:600], size=10, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            found, true = model(images[600:]) > (0 if fixed else 0.5), masks[600:].bool()
        return float((found & true).sum() / (found | true).sum())

    return doctor, quality


@cache
def _emoji() -> Tensor:
    """Emoji of 16 by 16 pixels and three colours, from -1 to 1."""
    pictures = torch.tensor(load("emoji")[0][::2]).permute(0, 3, 1, 2).float() / 255
    pictures = pictures[torch.randperm(len(pictures), generator=generator_of(132))]
    return (functional.avg_pool2d(pictures, 2) - 0.5) / 0.5


@fault("output_range")
def sigmoid_for_normalized_pictures(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Pictures are normalized to -1..1 (`Normalize(0.5, 0.5)`), but the decoder ends in a sigmoid; repaired in tanh."""
    pictures = _emoji()
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(24, 16, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(16, 3, 2, stride=2),
        nn.Tanh() if fixed else nn.Sigmoid(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(pictures[:1600], size=16, seed=seed), steps):
        loss = nn.MSELoss()(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.mse_loss(model(pictures[1600:]), pictures[1600:]))

    return doctor, quality


@fault("eval_mode")
def accuracy_before_the_first_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The accuracy before training is taken in eval mode, and `model.train()` is never called: no batch statistics."""
    images, kind = _shapes()
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate([(1, 12), (12, 12), (12, 16), (16, 16), (16, 24), (24, 24)]):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        if place % 2:
            layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    _accuracy(model)
    if fixed:
        model.train()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _accuracy(model)


def _deep() -> nn.Sequential:
    """Six convolutions and two linear layers for shapes, like VGG."""
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate([(1, 12), (12, 12), (12, 16), (16, 16), (16, 24), (24, 24)]):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        if place % 2:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 6))


@fault("vanishing")
def hundredths_as_weights(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A deep VGG-like net is initialised from N(0, 0.01), as in the old recipe; repaired by `kaiming_normal_`."""
    images, kind = _shapes()
    model = _deep()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if fixed:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            else:
                nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _accuracy(model)


def _small(drop: float = 0.0) -> nn.Sequential:
    """Two convolutions and two linear layers for shapes."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Dropout(drop), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.Dropout(drop), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Dropout(drop), nn.Linear(64, 6),
    )  # fmt: skip


@fault("dropout")
def dropout_after_every_layer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Against overfitting there is dropout of 0.8 after every layer, convolutions too; repaired 0.1."""
    images, kind = _shapes()
    model = _small(drop=0.1 if fixed else 0.8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _accuracy(model)


@fault("lr_vanished")
def steplr_in_the_batch_loop(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`StepLR(step_size=7, gamma=0.1)`, meant for epochs, is stepped with every batch; repaired after every epoch."""
    images, kind = _shapes()
    batches = loader(images[:2000], kind[:2000], size=32, seed=seed)
    model = _small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    doctor = watch(model, optimizer)
    for step, (x, y) in enumerate(epochs(batches, steps)):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if not fixed or (step + 1) % len(batches) == 0:
            scheduler.step()
        doctor.step(loss)
    return doctor, lambda: _accuracy(model)


@fault("group_lr")
def backbone_without_its_weights(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Groups of a fine-tuning (backbone 1e-5, head 1e-3) for a net that starts anew; repaired, 1e-3 for both."""
    images, kind = _shapes()
    model = _deep()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    head = model[-1]
    backbone = [weights for layer in list(model)[:-1] for weights in layer.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": backbone, "lr": 1e-3 if fixed else 1e-5}, {"params": head.parameters(), "lr": 1e-3}]
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _accuracy(model)
