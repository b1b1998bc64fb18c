"""32 programs with a mistake each, by an author who had not seen the doctor; what they cost is in `harm.jsonl`.

Here are those about tables, decisions and physics; the others are in `eighth_images` and `eighth_sequences`.
"""

from collections.abc import Callable, Iterable
from functools import cache

import torch
from sklearn.datasets import load_breast_cancer, make_friedman2
from torch import Tensor, nn
from torch.nn import functional

import steepest.datasets

from . import eighth_images, eighth_sequences
from .eighth_parts import accuracy, answers, fit
from .parts import Judged, Program, Watch, endless, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _tumours() -> tuple[Tensor, Tensor]:
    """30 standardized measurements of 569 tumours, and whether each is malignant."""
    bunch = load_breast_cancer()
    order = torch.randperm(569, generator=generator_of(84))
    inputs = torch.tensor(bunch.data, dtype=torch.float32)[order]
    return (inputs - inputs.mean(0)) / inputs.std(0), 1 - torch.tensor(bunch.target, dtype=torch.float32)[order]


@fault("labels")
def two_for_benign_four_for_malignant(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The original Wisconsin file codes the classes as 2 and 4; the column goes into binary cross-entropy as it is."""
    inputs, malignant = _tumours()
    targets = malignant if fixed else 2 + 2 * malignant
    model = mlp(30, 32, 1, activation=nn.SiLU)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(inputs[:400], targets[:400], seed=seed, size=25), strict=False):
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: float(((answers(model, inputs[400:])[:, 0] > 0) == (malignant[400:] > 0)).float().mean())


@cache
def _visits() -> tuple[Tensor, Tensor]:
    """Six standardized facts of 3,000 hours of a shop, and how many people came in, seven on average."""
    generator = generator_of(85)
    x = torch.randn(3000, 6, generator=generator)
    rate = torch.exp(2 + 0.6 * torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * (x[:, 2] > 0) - 0.3 * x[:, 3].abs())
    return x, torch.poisson(rate, generator=generator)


@fault("loss_input")
def a_rate_where_its_logarithm_is_expected(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The network gives a rate (softplus), but PoissonNLLLoss takes its logarithm unless it is told otherwise."""
    inputs, visits = _visits()
    model = mlp(6, 48, 48, 1, activation=nn.ELU).append(nn.Softplus())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.PoissonNLLLoss(log_input=False) if fixed else nn.PoissonNLLLoss()
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(inputs[:2400], visits[:2400], seed=seed, size=60), strict=False):
        loss = criterion(model(x).squeeze(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, inputs[2400:]), visits[2400:])


class Clicks(nn.Module):
    """A factorization machine with a small network on top, over a user, an advertisement, an hour and a page."""

    sizes = (60, 40, 24, 30)

    def __init__(self, squash: bool) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, 6) for size in self.sizes)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)  # type: ignore[arg-type]
        self.top, self.squash = mlp(24, 32, 1), squash

    def forward(self, fields: Tensor) -> Tensor:
        vectors = torch.stack([table(fields[:, place]) for place, table in enumerate(self.tables)], 1)
        crossed = 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1)
        logit = crossed + self.top(vectors).squeeze(1)
        return logit.sigmoid() if self.squash else logit


@cache
def _shown() -> tuple[Tensor, Tensor]:
    """What was shown to whom, and whether it was clicked, one time in ten."""
    generator = generator_of(86)
    fields = torch.stack([torch.randint(size, (9000,), generator=generator) for size in Clicks.sizes], 1)
    tastes = [torch.randn(size, 3, generator=generator) for size in Clicks.sizes]
    user, ad, hour, page = (taste[fields[:, place]] for place, taste in enumerate(tastes))
    logit = -2.6 + 0.5 * (user * ad).sum(1) + 0.7 * hour[:, 0] + 0.7 * page[:, 1] + 0.6 * user[:, 0]
    return fields, (torch.rand(9000, generator=generator) < logit.sigmoid()).float()


@fault("softmax_twice")
def clicks_through_two_sigmoids(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The model's `forward` returns a probability, and the loss "with logits" squashes it again: never below a half."""
    fields, clicked = _shown()
    model = Clicks(squash=not fixed)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(fields[:7500], clicked[:7500], seed=seed, size=100), strict=False):
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        outputs = answers(model, fields[7500:])
        odds = (outputs.sigmoid() if fixed else outputs).clamp(1e-4, 1 - 1e-4)
        return -float(functional.binary_cross_entropy(odds, clicked[7500:]))

    return doctor, quality


class Survey(nn.Module):
    """60 stations whose places are learned, shape (60, 2) in metres, beside 8 marks whose places are known."""

    def __init__(self, marks: Tensor, guesses: Tensor) -> None:
        super().__init__()
        self.register_buffer("marks", marks)
        self.stations = nn.Parameter(guesses.clone())

    def forward(self, pairs: Tensor) -> Tensor:
        places = torch.cat([self.marks, self.stations])
        return (places[pairs[:, 0]] - places[pairs[:, 1]]).norm(dim=-1)


@fault("rounding")
def stations_in_coordinates_of_the_country(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Places stay as the map has them, 20,500,000 m east and 4,400,000 m north, where float32 has no step of 0.2 m."""
    generator = generator_of(seed)
    true = 600 * torch.rand(68, 2, generator=generator) - 300
    origin = torch.zeros(2) if fixed else torch.tensor([20_500_000.0, 4_400_000.0])
    pairs = torch.randint(68, (4000, 2), generator=generator)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    measured = (true[pairs[:, 0]] - true[pairs[:, 1]]).norm(dim=-1) + 0.5 * torch.randn(len(pairs), generator=generator)
    model = Survey(true[:8] + origin, true[8:] + 12 * torch.randn(60, 2, generator=generator) + origin)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.2)
    data = endless(pairs[:3200], measured[:3200], seed=seed, size=100)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: -float((answers(model, pairs[3200:]) - measured[3200:]).square().mean().sqrt())


@cache
def _noise() -> tuple[Tensor, Tensor]:
    """NASA's airfoils: five measurements and the sound pressure level, standardized."""
    table = torch.tensor(steepest.datasets.load("airfoil"), dtype=torch.float32)
    table[:, [0, 4]] = table[:, [0, 4]].log()
    table = (table - table.mean(0)) / table.std(0)
    table = table[torch.randperm(len(table), generator=generator_of(88))]
    return table[:, :5], table[:, 5]


def _regress(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Iterable[list[Tensor]],
    doctor_step: Callable[[Tensor], object],
) -> None:
    """Least squares, batch after batch."""
    for x, y in data:
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        doctor_step(loss)


@fault("symmetry")
def a_layer_widened_by_copies(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A trained layer of 4 units is widened to 64 by copies, as in Net2Net, without the noise that tells them apart."""
    inputs, levels = _noise()
    small = mlp(5, 4, 1, activation=nn.Tanh)
    data = endless(inputs[:1200], levels[:1200], seed=seed, size=40)
    _regress(small, torch.optim.Adam(small.parameters(), 1e-2), (next(data) for _ in range(150)), lambda loss: None)
    model = mlp(5, 64, 1, activation=nn.Tanh)
    with torch.no_grad():
        for (name, new), old in zip(model.named_parameters(), small.parameters(), strict=True):
            if name == "3.weight":
                new.copy_(old.repeat(1, 16) / 16)
            else:
                new.copy_(old.repeat([16] + [1] * (old.ndim - 1)) if len(new) == 64 else old)
        if fixed:
            model[1].weight.add_(0.5 * torch.randn(64, 5))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    doctor = watch(model, optimizer)
    _regress(model, optimizer, (next(data) for _ in range(steps)), doctor.step)
    return doctor, lambda: fit(answers(model, inputs[1200:]), levels[1200:])


@fault("target_scale")
def deflections_in_metres(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """How far beams bend, a tenth of a millimetre, is learned in metres: a step of Adam is larger than the targets."""
    generator = generator_of(89)
    x = torch.randn(2500, 4, generator=generator)  # logarithms of force, length, stiffness, thickness, standardized
    metres = 1e-4 * torch.exp(0.4 * x[:, 0] + 0.6 * x[:, 1] - 0.3 * x[:, 2] - 0.5 * x[:, 3])
    metres = metres * (1 + 0.05 * torch.randn(2500, generator=generator))
    targets = (metres - metres.mean()) / metres.std() if fixed else metres
    model = mlp(4, 64, 64, 1, activation=nn.GELU)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    data = endless(x[:2000], targets[:2000], seed=seed, size=50)
    _regress(model, optimizer, (next(data) for _ in range(steps)), doctor.step)
    return doctor, lambda: fit(answers(model, x[2000:]), targets[2000:])


class Bags(nn.Module):
    """Attention over the items of a bag, at most 12, of which the last are empty places; gives logits and weights."""

    def __init__(self) -> None:
        super().__init__()
        self.item, self.score, self.head = mlp(8, 32, 32), nn.Linear(32, 1), nn.Linear(32, 3)

    def forward(self, items: Tensor, filled: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.item(items.flatten(0, 1)).relu().unflatten(0, items.shape[:2])
        weights = self.score(hidden).squeeze(-1).masked_fill(~filled, -torch.inf).softmax(-1)
        return self.head((weights[..., None] * hidden).sum(1)), weights


@cache
def _bags() -> tuple[Tensor, Tensor, Tensor]:
    """Items, which places are filled, and which of three kinds of rare item a bag has."""
    generator = generator_of(90)
    items = torch.randn(2400, 12, 8, generator=generator)
    filled = torch.arange(12) < torch.randint(5, 13, (2400, 1), generator=generator)
    kinds = torch.randint(3, (2400,), generator=generator)
    directions = 2.5 * torch.eye(3, 8)
    items[:, 0] += directions[kinds]
    items[:, 1] += directions[kinds]
    return items, filled, kinds


@fault("nan")
def entropy_behind_a_where(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A bonus for attention's entropy guards p log p by `where`, but not its gradient, which is 0 times infinity."""
    items, filled, kinds = _bags()
    model = Bags()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = endless(items[:2000], filled[:2000], kinds[:2000], seed=seed, size=40)
    doctor = watch(model, optimizer)
    for _, (x, mask, y) in zip(range(steps), data, strict=False):
        logits, weights = model(x, mask)
        if fixed:
            terms = weights * (weights + 1e-8).log()
        else:
            terms = torch.where(weights > 0, weights * weights.log(), torch.zeros_like(weights))
        loss = functional.cross_entropy(logits, y) + 0.01 * terms.sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            logits, _ = model(items[2000:], filled[2000:])
        return float((logits.argmax(-1) == kinds[2000:]).float().mean())

    return doctor, quality


@fault("weight_decay")
def penalty_over_all_weights(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An L2 penalty by hand, a fiftieth of the sum of all squares, holds down the weights of a network for spirals."""
    generator = generator_of(91)
    arms = torch.randint(3, (2000,), generator=generator)
    radius = 2 * torch.rand(2000, generator=generator).sqrt()
    angle = 2.2 * radius + 2.094 * arms + 0.25 * torch.randn(2000, generator=generator)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    strength = 1e-5 if fixed else 0.02
    model = mlp(2, 48, 48, 3, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    data = endless(points[:1500], arms[:1500], seed=seed, size=50)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        penalty = sum(parameter.square().sum() for parameter in model.parameters())
        loss = functional.cross_entropy(model(x), y) + strength * penalty
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, points[1500:], arms[1500:])


class HeavyBall(torch.optim.Optimizer):
    """Momentum by hand; `sign` is what the step is multiplied by."""

    def __init__(self, params: Iterable[Tensor], lr: float, sign: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": 0.9})
        self.sign = sign

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                velocity = self.state[param].setdefault("velocity", torch.zeros_like(param))
                velocity.mul_(group["momentum"]).add_(param.grad)
                param.add_(velocity, alpha=self.sign * group["lr"])


@fault("ascent")
def own_momentum_adds_the_velocity(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An optimizer written by hand adds lr times the velocity of gradients where it should subtract it."""
    x, y = (torch.tensor(part, dtype=torch.float32) for part in make_friedman2(1600, noise=20.0, random_state=1))
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    model = mlp(4, 32, 32, 1, activation=nn.Tanh)
    optimizer = HeavyBall(model.parameters(), lr=0.01, sign=-1.0 if fixed else 1.0)
    doctor = watch(model, optimizer)
    for _, (a, b) in zip(range(steps), endless(x[:1200], y[:1200], seed=seed, size=40), strict=False):
        optimizer.zero_grad()
        loss = functional.smooth_l1_loss(model(a).squeeze(1), b)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, x[1200:]), y[1200:])


# --- decisions --------------------------------------------------------------------------------------------------------

MOVES = 0.25 * torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


def _move(places: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Where one comes to in a square room, and the reward: less the farther from the goal."""
    after = (places + MOVES[moves]).clamp(-1, 1)
    return after, 1 - (after - torch.tensor([0.5, -0.4])).norm(dim=-1)


@fault("shape")
def q_values_keep_their_axis(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Deep Q-learning: `gather` gives the moves' values as a column, targets are a row; each is compared with all."""
    generator = generator_of(seed)
    places, moves = 2 * torch.rand(4000, 2, generator=generator) - 1, torch.randint(4, (4000,), generator=generator)
    after, rewards = _move(places, moves)
    model, target = mlp(2, 64, 64, 4), mlp(2, 64, 64, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for step in range(steps):
        if step % 20 == 0:
            target.load_state_dict(model.state_dict())
        rows = torch.randint(4000, (64,), generator=generator)
        with torch.no_grad():
            wanted = rewards[rows] + 0.7 * target(after[rows]).max(1).values
        values = model(places[rows]).gather(1, moves[rows, None])
        loss = ((values.squeeze(1) if fixed else values) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        here, total = 2 * torch.rand(200, 2, generator=generator_of(92)) - 1, 0.0
        for _ in range(10):
            here, reward = _move(here, answers(model, here).argmax(1))
            total += float(reward.mean()) / 10
        return total

    return doctor, quality


PROGRAMS |= eighth_images.PROGRAMS | eighth_sequences.PROGRAMS
