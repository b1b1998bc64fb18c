"""Programs of `sixth` about images."""

import warnings
from functools import cache
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, explained, generator_of, register_judged
from .sixth_parts import accuracy, fit

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _figures() -> tuple[Tensor, Tensor, Tensor]:
    """Noisy grey images, (2000, 1, 12, 12), 0 to 255, of a disc, a square, a cross or a ring; which; its mask."""
    generator = generator_of(70)
    kind = torch.randint(4, (2000, 1, 1), generator=generator)
    centre, size = (
        3.5 + 4 * torch.rand(2, 2000, 1, 1, generator=generator),
        2.2 + 1.2 * torch.rand(2000, 1, 1, generator=generator),
    )
    down, along = torch.arange(12.0)[:, None] - centre[0], torch.arange(12.0) - centre[1]
    far = (down.square() + along.square()).sqrt()
    inside = torch.stack([
        far < size, torch.maximum(down.abs(), along.abs()) < size,
        (torch.minimum(down.abs(), along.abs()) < 0.8) & (far < size + 0.5), (far < size + 0.5) & (far > size - 1.2),
    ])  # fmt: skip
    masks = inside.gather(0, kind.expand(2000, 12, 12)[None])[0].float()
    images = 70 + 110 * masks + 25 * torch.randn(2000, 12, 12, generator=generator)
    return images.clamp(0, 255).round()[:, None], kind.flatten(), masks


@cache
def _scans() -> tuple[Tensor, Tensor]:
    """Handwritten digits from 0 to 1, (1797, 1, 8, 8), and which each is."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(71))
    return torch.tensor(bunch.images, dtype=torch.float32)[order, None] / 16, torch.tensor(bunch.target)[order]


def _net(width: int = 8) -> nn.Sequential:
    """Two convolutions with strides for the four figures."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(18 * width, 4),
    )  # fmt: skip


@fault("eval_mode")
def built_for_inference(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """build() was taken from the script that serves the model, and returns it in evaluation mode."""
    images, digits = _scans()

    def build() -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([1, 12, 12, 12, 12, 12, 12, 12]):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 10)).eval()

    model = build()
    if fixed:
        model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], digits[:1400], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], digits[1400:])


class _Lazy(nn.Module):
    """Makes its hidden layer when it first knows how many features come out of the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.out = nn.Conv2d(1, 4, 3, stride=2), None, nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu().flatten(1)
        if self.hidden is None:
            self.hidden = nn.Linear(x.shape[1], 6)
        return self.out(self.hidden(x).relu())


@fault("missing_params")
def layer_of_the_first_pass(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A layer is made in the first forward pass, when the optimizer has taken the parameters already."""
    images, kinds, _ = _figures()
    images = (images - 100) / 60
    model = _Lazy()
    if fixed:
        model(images[:1])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1600:], kinds[1600:])


@fault("shape")
def clean_image_without_channel(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A denoiser gives (N, 1, 8, 8), the clean images are (N, 8, 8): each output is compared with all of the batch."""
    images = 2 * _scans()[0] - 1
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ELU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ELU(),
        nn.Conv2d(16, 1, 3, padding=1),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    noise = generator_of(seed)
    doctor = watch(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for (clean,) in epochs(loader(images[:1400, 0], size=24, seed=seed), steps):
            noisy = clean + 0.5 * torch.randn(clean.shape, generator=noise)
            cleaned = model(noisy[:, None])
            loss = functional.mse_loss(cleaned, clean[:, None] if fixed else clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            doctor.step(loss)

    def quality() -> float:
        noisy = images[1400:] + 0.5 * torch.randn(images[1400:].shape, generator=generator_of(72))
        with torch.no_grad():
            return explained(model(noisy), images[1400:].flatten())

    return doctor, quality


@fault("output_range")
def sigmoid_for_images_around_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Images are scaled to -1 ... 1, and the decoder of the autoencoder still ends in a sigmoid."""
    images = (_scans()[0] * 2 - 1).flatten(1)
    model = nn.Sequential(
        nn.Linear(64, 40), nn.SiLU(), nn.Linear(40, 10), nn.Linear(10, 40), nn.SiLU(), nn.Linear(40, 64),
        nn.Tanh() if fixed else nn.Sigmoid(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(images[:1400], size=50, seed=seed), steps):
        loss = functional.mse_loss(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, images[1400:], images[1400:])


@fault("labels", "loss_input")
def masks_up_to_255(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks of a segmentation are read from image files, where the foreground is 255, and are not divided by it."""
    images, _, masks = _figures()
    images = (images - 100) / 60
    targets = masks if fixed else 255 * masks
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
    model.append(nn.Conv2d(8, 1, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], targets[:1600], size=16, seed=seed), steps):
        loss = functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            found, there = model(images[1600:])[:, 0] > 0, masks[1600:] > 0
        return float((found & there).sum() / (found | there).sum())

    return doctor, quality


@fault("input_scale")
def divided_by_255_twice(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The reader of images gives 0 to 1, and the training divides by 255 once more."""
    images, kinds, _ = _figures()
    images = images / 255
    if not fixed:
        images = images / 255
    model = _net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=40, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1600:], kinds[1600:])


@fault("eps_large")
def epsilon_of_another_framework(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """RMSprop with the epsilon of 1 that a paper used in another framework with a large learning rate."""
    images, kinds, _ = _figures()
    images = (images - 100) / 60
    model = _net()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7 if fixed else 1.0)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=40, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1600:], kinds[1600:])


@fault("lr_high")
def scaled_for_many_devices(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The rate of a batch of 256 is scaled up for 64 devices, of which this run has one."""
    images, kinds, _ = _figures()
    images = (images - 100) / 60
    devices = 1 if fixed else 64
    model = _net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03 * devices, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1600:], kinds[1600:])


@fault("weight_decay")
def decay_of_adamw_in_adam(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The weight decay of 0.1 of a recipe for AdamW is given to Adam, which adds it to the gradient."""
    images, digits = _scans()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 32), nn.ReLU()
    )
    model.append(nn.Linear(32, 10))
    optimizer = (torch.optim.AdamW if fixed else torch.optim.Adam)(model.parameters(), lr=2e-3, weight_decay=0.1)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], digits[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], digits[1400:])


@fault("dead_units")
def weights_below_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The first layer's weights are drawn from -0.2 to 0, where -0.2 to 0.2 was meant; pixels are positive."""
    images, digits = _scans()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    nn.init.uniform_(model[1].weight, -0.2, 0.2 if fixed else 0.0)
    nn.init.zeros_(model[1].bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], digits[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], digits[1400:])


@fault("vanishing")
def small_weights_in_a_deep_chain(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Eight tanh layers of an autoencoder start with weights of N(0, 0.01^2), as a shallower model's recipe says."""
    images = (_scans()[0] * 2 - 1).flatten(1)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([64, 48, 32, 24, 12, 24, 32, 48, 64]):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
        if fixed:
            nn.init.xavier_normal_(layers[-2].weight)
        else:
            nn.init.normal_(layers[-2].weight, std=0.01)
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(images[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, images[1400:], images[1400:])


class _Pooled(nn.Module):
    """Convolution, pooling and a linear layer; the pooling may be one of arrays."""

    def __init__(self, arrays: bool) -> None:
        super().__init__()
        self.first, self.second, self.out, self.arrays = (
            nn.Conv2d(1, 4, 3),
            nn.Conv2d(4, 4, 3),
            nn.Linear(36, 4),
            arrays,
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x).tanh()).tanh()
        if self.arrays:
            blocks = x.detach().numpy()[:, :, :6, :6].reshape(len(x), 4, 3, 2, 3, 2)
            return self.out(torch.from_numpy(blocks.max((3, 5))).flatten(1))
        return self.out(functional.max_pool2d(x[:, :, :6, :6], 2).flatten(1))


@fault("no_grad")
def pooling_by_numpy(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The pooling is done by NumPy on the detached tensor, so that no gradient comes to the convolutions."""
    images, kinds, _ = _figures()
    images = (images - 100) / 60
    model = _Pooled(arrays=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1600:], kinds[1600:])
