"""Programs of `eighth` about pictures: classifiers, autoencoders, a function of the place in a picture."""

import copy
import math
import warnings
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from .eighth_parts import accuracy, answers, fit, photograph, tiles, tones
from .parts import Judged, Program, Watch, cnn, digits, endless, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@fault("foreign_params")
def weights_assigned_after_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`load_state_dict(..., assign=True)` puts other tensors into the model than those that the optimizer has."""
    images, labels = digits()
    model = cnn(norm=True)
    former = torch.optim.Adam(model.parameters(), 3e-3)
    turned = endless(images[:700].rot90(1, (2, 3)), labels[:700], seed=seed, size=32)
    for _, (x, y) in zip(range(60), turned, strict=False):  # the task before: digits that lie on their side
        former.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        former.step()
    weights = copy.deepcopy(model.state_dict())

    model = cnn(norm=True)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.load_state_dict(weights, assign=not fixed)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(images[:1400], labels[:1400], seed=seed, size=32), strict=False):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], labels[1400:])


class Patches(nn.Module):
    """A small vision transformer: 16 patches of 2 by 2 pixels, encoded in a checkpoint to save memory."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(4, 24), nn.Parameter(0.1 * torch.randn(16, 24))
        layer = nn.TransformerEncoderLayer(24, 2, 48, 0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head, self.reentrant = nn.Linear(24, 10), reentrant

    def encode(self, patches: Tensor) -> Tensor:
        return self.encoder(self.embed(patches) + self.places).mean(1)

    def forward(self, images: Tensor) -> Tensor:
        patches = functional.unfold(images, 2, stride=2).transpose(1, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does warn, among much else
            return self.head(checkpoint(self.encode, patches, use_reentrant=self.reentrant))


@fault("no_grad")
def a_checkpoint_around_the_data(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The reentrant checkpoint passes gradients only if its input needs one; here the input are the pictures."""
    images, labels = digits()
    model = Patches(reentrant=not fixed)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(images[:1400], labels[:1400], seed=seed, size=32), strict=False):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], labels[1400:])


class DeepPlain(nn.Module):
    """Nine convolutions with batch norm, which may stay in eval mode, as detectors have it for pretrained weights."""

    def __init__(self, norm_eval: bool) -> None:
        super().__init__()
        channels = [1] + [12] * 9
        self.norm_eval = norm_eval
        self.body = nn.Sequential(*(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(channels)
        ))  # fmt: skip
        self.head = nn.Linear(12 * 4, 10)

    def train(self, mode: bool = True) -> "DeepPlain":
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return self.head(functional.adaptive_avg_pool2d(self.body(images), 2).flatten(1))


@fault("eval_mode")
def norm_eval_of_a_detector(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`norm_eval=True`, from a detector's configuration, keeps batch norm in eval mode in a network from scratch."""
    images, labels = digits()
    model = DeepPlain(norm_eval=not fixed)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(images[:1400], labels[:1400], seed=seed, size=32), strict=False):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], labels[1400:])


def _tone_net() -> nn.Sequential:
    """Three convolutions with batch norm for the tones of emoji."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip


@fault("dead_units")
def every_norm_starts_at_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Zero is good for the last scale of a residual block; here every batch norm has it, and nothing goes past them."""
    pictures, labels = tones()
    model = _tone_net()
    if not fixed:
        for module in model:
            if isinstance(module, nn.BatchNorm2d):
                nn.init.zeros_(module.weight)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(pictures[:1200], labels[:1200], seed=seed, size=32), strict=False):
        model.train()
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, pictures[1200:], labels[1200:])


@fault("clip")
def clipped_while_still_scaled(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """With a GradScaler the norm is clipped before `unscale_`: to 1 of a gradient that is 4,096 times too large."""
    pictures, labels = tones()
    model = _tone_net()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=4096.0)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(pictures[:1200], labels[:1200], seed=seed, size=32), strict=False):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        if fixed:
            scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, pictures[1200:], labels[1200:])


def _buffered(images: Tensor, labels: Tensor, buffer: int, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of a stream that is shuffled as tf.data does it: a random one of the next `buffer` rows comes next."""
    generator, waiting, batch, row = generator_of(seed), [], [], 0
    while True:
        waiting.append(row % len(labels))
        row += 1
        if len(waiting) >= buffer:
            batch.append(waiting.pop(int(torch.randint(len(waiting), (1,), generator=generator))))
        if len(batch) == size:
            yield images[batch], labels[batch]
            batch = []


@fault("not_shuffled")
def a_small_shuffle_buffer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The pictures come sorted, all light ones first; a shuffle buffer of 64 of them mixes neighbours only."""
    pictures, labels = tones()
    order = labels[:1200].argsort()
    model = _tone_net()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    data = _buffered(pictures[:1200][order], labels[:1200][order], 1300 if fixed else 64, 32, seed)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, pictures[1200:], labels[1200:])


class Highway(nn.Module):
    """A highway layer (Srivastava et al. 2015), whose gate lets an eighth through at first; `carry` is its rest."""

    def __init__(self, width: int, carry: bool) -> None:
        super().__init__()
        self.change, self.gate, self.carry = nn.Linear(width, width), nn.Linear(width, width), carry
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, hidden: Tensor) -> Tensor:
        gate = self.gate(hidden).sigmoid()
        changed = gate * self.change(hidden).relu()
        return changed + (1 - gate) * hidden if self.carry else changed


@fault("vanishing")
def a_highway_without_its_carry(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Eight highway layers, in which `+ (1 - gate) * hidden` was forgotten: each passes on less than a tenth."""
    images, labels = digits()
    layers = [Highway(32, carry=fixed) for _ in range(8)]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), *layers, nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(images[:1400], labels[:1400], seed=seed, size=48), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1400:], labels[1400:])


# --- pictures as what is learned --------------------------------------------------------------------------------------


@fault("dropout")
def dropout_in_the_bottleneck(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An autoencoder with a classifier's habit, dropout of a half behind every layer, even its code of 10 numbers."""
    images, _ = digits()
    squares = images.flatten(1)
    drop = 0.0 if fixed else 0.5
    model = nn.Sequential(
        nn.Linear(64, 48), nn.ReLU(), nn.Dropout(drop), nn.Linear(48, 10), nn.Dropout(drop),
        nn.Linear(10, 48), nn.ReLU(), nn.Dropout(drop), nn.Linear(48, 64),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    doctor = watch(model, optimizer)
    for _, (x,) in zip(range(steps), endless(squares[:1400], seed=seed, size=50), strict=False):
        model.train()
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, squares[1400:]), squares[1400:])


class Sine(nn.Module):
    """sin(30 (W x + b)) (Sitzmann et al. 2020)."""

    def __init__(self, inputs: int, outputs: int, bound: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(30 * self.linear(x))


@fault("init_large")
def sines_without_the_division(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network of sines for a picture, whose weights should start within sqrt(6 / n) / 30; the 30 was left out."""
    grey = photograph()[60:108, 100:148]
    axis = torch.linspace(-1, 1, 48)
    places = torch.cartesian_prod(axis, axis)
    order = torch.randperm(48 * 48, generator=generator_of(93))
    known, hidden = order[:1500], order[1500:]
    bound = math.sqrt(6 / 64) / (30 if fixed else 1)
    model = nn.Sequential(Sine(2, 64, 0.25), Sine(64, 64, bound), Sine(64, 64, bound), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    values = grey.flatten()
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        rows = known[torch.randint(len(known), (300,), generator=generator)]
        loss = functional.mse_loss(model(places[rows]).squeeze(1), values[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, places[hidden]), values[hidden])


@fault("accumulation", "lr_high")
def gradients_of_eight_workers_added(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Data parallelism by hand: eight shards' gradients are added up (all_reduce with SUM) and not divided by eight.

    It is eight times the learning rate that was tuned with one worker, so `lr_high` says the same.
    """
    squares = tiles()
    model = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(),
                          nn.Conv2d(12, 1, 3, padding=1))  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _, (batch,) in zip(range(steps // 2), endless(squares[:2500], seed=seed, size=64), strict=False):
        noisy = batch + 0.5 * torch.randn(batch.shape, generator=generator)
        optimizer.zero_grad()
        total = 0.0
        for shard, clean in zip(noisy.chunk(8), batch.chunk(8), strict=True):
            loss = functional.mse_loss(model(shard), clean)
            loss.backward()
            total += loss.item() / 8
        for parameter in model.parameters():
            if fixed and parameter.grad is not None:
                parameter.grad /= 8
        optimizer.step()
        doctor.step(total)
    test = squares[2500:]
    return doctor, lambda: fit(answers(model, test + 0.5 * torch.randn(test.shape, generator=generator_of(94))), test)


@fault("lr_vanished")
def rate_times_gamma_to_the_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each epoch multiplies the rate, instead of the first rate, by 0.8 to the epoch: 0.8 ** 36 after eight epochs."""
    pictures, _ = tones()
    model = nn.Sequential(
        nn.Conv2d(3, 12, 4, 2, 1), nn.ELU(), nn.Conv2d(12, 24, 4, 2, 1), nn.ELU(), nn.Flatten(), nn.Linear(384, 32),
        nn.Linear(32, 384), nn.ELU(), nn.Unflatten(1, (24, 4, 4)), nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.ELU(),
        nn.ConvTranspose2d(12, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    doctor = watch(model, optimizer)
    for step, (x,) in zip(range(steps), endless(pictures[:1200], seed=seed, size=60), strict=False):
        epoch, first = divmod(step, 20)
        for group in optimizer.param_groups if first == 0 else ():
            group["lr"] = 2e-3 * 0.8**epoch if fixed else group["lr"] * 0.8**epoch
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, pictures[1200:]), pictures[1200:])
