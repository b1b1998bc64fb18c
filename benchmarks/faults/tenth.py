"""20 more programs as people write them, of mistakes drawn by chance; kept before the doctor saw them.

Here are those about tables, policies, equations, ratings and graphs; the others are in `tenth_images` and
`tenth_sequences`.
"""

import math
from functools import cache

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.distributions import Categorical, Normal
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from . import tenth_images, tenth_sequences
from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, explained, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- policies ---------------------------------------------------------------------------------------------------------


@cache
def _swings() -> tuple[Tensor, Tensor]:
    """Cosine, sine and speed of a pendulum, and the torque, -2 to 2, of a controller that swings it up and holds it."""
    generator = generator_of(101)
    angle = math.pi * (2 * torch.rand(2400, generator=generator) - 1)
    speed = 2 * torch.randn(2400, generator=generator)
    energy = speed**2 / 2 + 10 * (angle.cos() - 1)
    torque = torch.where(angle.abs() < 0.8, -(6 * angle + 1.5 * speed), -0.12 * energy * speed)
    return torch.stack([angle.cos(), angle.sin(), speed / 2], 1), torque.clamp(-2, 2)


@fault("output_range")
def actor_without_the_largest_torque(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A policy imitates torques from -2 to 2; its tanh is not multiplied by the largest torque."""
    states, torques = _swings()

    class Actor(nn.Module):
        def __init__(self, max_action: float) -> None:
            super().__init__()
            self.net = mlp(3, 64, 64, 1)
            self.max_action = max_action

        def forward(self, state: Tensor) -> Tensor:
            return self.max_action * torch.tanh(self.net(state)).squeeze(-1)

    actor = Actor(2.0 if fixed else 1.0)
    optimizer = torch.optim.Adam(actor.parameters(), lr=3e-3)
    doctor = watch(actor, optimizer)
    for state, torque in epochs(loader(states[:2000], torques[:2000], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(actor(state), torque)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(actor(states[2000:]), torques[2000:])

    return doctor, quality


@cache
def _walks() -> tuple[Tensor, Tensor]:
    """Where one is and where one wants to go, and the best of 16 directions, around a rock in the middle."""
    generator = generator_of(102)
    here, goal = 2 * torch.rand(2, 3000, 2, generator=generator) - 1
    way = goal - here
    push = here / (here.square().sum(1, keepdim=True) + 0.1)
    way = way / way.norm(dim=1, keepdim=True) + 0.3 * push
    angle = torch.atan2(way[:, 1], way[:, 0]) % math.tau
    return 1.7 * torch.cat([here, goal], 1), (16 * angle / math.tau).long().clamp(max=15)


@fault("softmax_twice")
def probabilities_for_the_logits_of_a_distribution(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The policy returns probabilities, and `Categorical(...)` gets them as `logits`."""
    states, moves = _walks()
    policy = nn.Sequential(*mlp(4, 64, 64, 16), nn.Softmax(dim=-1))
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.1, momentum=0.9)
    doctor = watch(policy, optimizer)
    for state, move in epochs(loader(states[:2500], moves[:2500], size=64, seed=seed), steps):
        out = policy(state)
        distribution = Categorical(probs=out) if fixed else Categorical(logits=out)
        loss = -distribution.log_prob(move).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(policy(states[2500:]), moves[2500:])

    return doctor, quality


# --- equations and densities ------------------------------------------------------------------------------------------


@fault("shape")
def voltage_of_a_circuit_without_its_axis(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network solves u' + u = v(t), u(0) = 0; u' and u have shape (N, 1), v has (N,): N by N residuals."""
    waves = ((1.0, 1.5), (0.7, 3.0))

    class Voltage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(1, 40, 40, 1, activation=nn.Tanh)

        def forward(self, t: Tensor) -> Tensor:
            return self.net(t - 3)

    model = Voltage()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-3)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        t = 6 * torch.rand(64, 1, generator=generator)
        source = sum(size * torch.sin(pace * t[:, 0]) for size, pace in waves)
        if fixed:
            source = source[:, None]
        t.requires_grad_()
        u = model(t)
        (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        residual = slope + u - source
        loss = residual.square().mean() + model(torch.zeros(1, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        doctor.step(loss)

    def quality() -> float:
        t = torch.linspace(0, 6, 200)
        exact = torch.zeros(200)
        for size, pace in waves:
            exact += size * (torch.sin(pace * t) + pace * (torch.exp(-t) - torch.cos(pace * t))) / (1 + pace**2)
        with torch.no_grad():
            return explained(model(t[:, None]), exact)

    return doctor, quality


@fault("symmetry")
def mixture_with_a_head_of_zeros(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The head of a mixture density network starts at zero, "to be neutral": its components stay copies of one."""
    generator = generator_of(103)
    y = torch.rand(3000, generator=generator)
    x = y + 0.3 * torch.sin(math.tau * y) + 0.03 * torch.randn(3000, generator=generator)
    x, y = (3.4 * (x - 0.5))[:, None], 3.4 * (y - 0.5)
    body, head = mlp(1, 48, 48, activation=nn.Tanh), nn.Linear(48, 15)
    if not fixed:
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
    model = nn.Sequential(*body, nn.Tanh(), head)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def negative_log_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
        share, center, width = outputs.chunk(3, dim=1)
        each = Normal(center, functional.softplus(width) + 0.02).log_prob(targets[:, None])
        return -torch.logsumexp(share.log_softmax(1) + each, dim=1).mean()

    doctor = watch(model, optimizer)
    for inputs, targets in epochs(loader(x[:2400], y[:2400], size=100, seed=seed), steps):
        optimizer.zero_grad()
        loss = negative_log_likelihood(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(negative_log_likelihood(model(x[2400:]), y[2400:]))

    return doctor, quality


# --- tables -----------------------------------------------------------------------------------------------------------


@fault("nan")
def last_batch_of_one_patient(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each batch is standardized by itself; the last of an epoch has one row, whose deviation is NaN (0 / 0)."""
    bunch = load_diabetes(scaled=False)
    order = torch.randperm(442, generator=generator_of(104))
    inputs = torch.tensor(bunch.data, dtype=torch.float32)[order]
    targets = torch.tensor(bunch.target, dtype=torch.float32)[order]
    targets = (targets - targets[:353].mean()) / targets[:353].std()
    mean, deviation = inputs[:353].mean(0), inputs[:353].std(0)
    model = nn.Sequential(*mlp(10, 24, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    batches = DataLoader(
        TensorDataset(inputs[:353], targets[:353]), batch_size=32, shuffle=True, generator=generator_of(seed)
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(batches, steps):
        x = (x - mean) / deviation if fixed else (x - x.mean(0)) / x.std(0)
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            share = explained(model((inputs[353:] - mean) / deviation), targets[353:])
        return -1.0 if math.isnan(share) else share

    return doctor, quality


@cache
def _meter() -> tuple[Tensor, Tensor]:
    """Weather and hour of 11,200 hours in random order, and the energy used, in deviations of the year before."""
    generator = generator_of(105)
    x = torch.randn(11_200, 6, generator=generator)
    used = torch.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] + 0.5 * x[:, 3].abs() + 0.3 * x[:, 4]
    return x, used - 0.4 + 0.1 * torch.randn(11_200, generator=generator)


@fault("spike")
def counter_of_a_meter_rolls_over(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Energy is the difference of two readings; once the meter went from 65535 to 0, and one hour used -65 thousand."""
    x, y = _meter()
    y = y.clone()
    if not fixed:
        y[50 * 32 + 7] -= 65_536 / 20  # one deviation is 20 kWh
    model = mlp(6, 64, 64, 1, activation=nn.GELU)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batches = DataLoader(TensorDataset(x[:9600], y[:9600]), batch_size=32)  # the hours are in random order already
    doctor = watch(model, optimizer)
    for inputs, targets in epochs(batches, steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(inputs)[:, 0], targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(x[9600:]), y[9600:])

    return doctor, quality


@cache
def _ratings() -> tuple[Tensor, Tensor]:
    """Pairs of one of 150 people and one of 100 films, and standardized ratings from three hidden tastes."""
    generator = generator_of(106)
    people, films = torch.randn(150, 3, generator=generator), torch.randn(100, 3, generator=generator)
    pairs = torch.cartesian_prod(torch.arange(150), torch.arange(100))
    pairs = pairs[torch.randperm(15_000, generator=generator)[:9000]]
    taste = (people[pairs[:, 0]] * films[pairs[:, 1]]).sum(1)
    rating = torch.tanh(0.7 * taste) + 0.4 * films[pairs[:, 1], 0] + 0.2 * torch.randn(9000, generator=generator)
    return pairs, (rating - rating.mean()) / rating.std()


class _Recommender(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.people, self.films = nn.Embedding(150, 12), nn.Embedding(100, 12)
        self.tower = mlp(36, 48, 24, 1)

    def forward(self, pairs: Tensor) -> Tensor:
        person, film = self.people(pairs[:, 0]), self.films(pairs[:, 1])
        return self.tower(torch.cat([person, film, person * film], 1)).squeeze(1)


@fault("group_lr")
def biases_at_twice_the_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Biases learn twice as fast, as Caffe's `lr_mult: 2` had it; here 2 is not a factor but the rate itself."""
    pairs, ratings = _ratings()
    rate = 0.02
    model = _Recommender()
    weights = [parameter for name, parameter in model.named_parameters() if not name.endswith("bias")]
    biases = [parameter for name, parameter in model.named_parameters() if name.endswith("bias")]
    groups = [{"params": weights}, {"params": biases, "lr": 2 * rate if fixed else 2}]
    optimizer = torch.optim.Adam(groups, lr=rate)
    doctor = watch(model, optimizer)
    for pair, rating in epochs(loader(pairs[:8000], ratings[:8000], size=200, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(pair), rating)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(pairs[8000:]), ratings[8000:])

    return doctor, quality


# --- graphs and sets --------------------------------------------------------------------------------------------------


@cache
def _molecules() -> list[tuple[Tensor, Tensor, int]]:
    """600 graphs of 7 to 12 nodes: adjacency, node features, and whether it is a ring, a star, a chain or random."""
    generator = generator_of(107)
    graphs = []
    for number in range(600):
        kind, count = number % 4, int(torch.randint(7, 13, (), generator=generator))
        links = torch.zeros(count, count)
        place = torch.arange(count - 1)
        if kind == 1:
            links[0, 1:] = 1
        elif kind < 3:
            links[place, place + 1] = 1
            links[0, -1] = float(kind == 0)
        else:
            links = (torch.rand(count, count, generator=generator) < 0.25).float().triu(1)
        extra = (torch.rand(count, count, generator=generator) < 0.06).float().triu(1)
        links = ((links + extra) > 0).float()
        links = links + links.T
        degree = links.sum(1, keepdim=True)
        nodes = torch.cat([degree / 2 - 1, torch.randn(count, 2, generator=generator)], 1)
        graphs.append((links / degree.clamp(min=1), nodes, kind))
    order = torch.randperm(600, generator=generator).tolist()
    return [graphs[place] for place in order]


class _MessagePassing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.ModuleList([nn.Linear(3, 24), nn.Linear(24, 24), nn.Linear(24, 24)])
        self.sent = nn.ModuleList([nn.Linear(3, 24), nn.Linear(24, 24), nn.Linear(24, 24)])
        self.head = nn.Linear(48, 4)

    def forward(self, links: Tensor, nodes: Tensor) -> Tensor:
        for own, sent in zip(self.own, self.sent, strict=True):
            nodes = torch.tanh(own(nodes) + links @ sent(nodes))
        return self.head(torch.cat([nodes.mean(0), nodes.amax(0)]))


@fault("accumulation", "lr_high")
def graphs_of_a_batch_one_after_another(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Graphs differ in size, so each of a batch of 16 is passed alone; its loss is not divided by 16.

    The step is 16 times the one for which the rate was chosen, so that a rate that is too high is as true a name.
    """
    graphs = _molecules()
    model = _MessagePassing()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for place in torch.randint(450, (16,), generator=generator).tolist():
            links, nodes, kind = graphs[place]
            loss = functional.cross_entropy(model(links, nodes), torch.tensor(kind))
            (loss / 16 if fixed else loss).backward()
            total += loss.item() / 16
        optimizer.step()
        doctor.step(total)

    def quality() -> float:
        with torch.no_grad():
            return sum(int(model(links, nodes).argmax()) == kind for links, nodes, kind in graphs[450:]) / 150

    return doctor, quality


@cache
def _readings() -> tuple[Tensor, Tensor]:
    """Ten readings of (direction, three values); what counts is the one that points to the north-east."""
    generator = generator_of(108)
    north_east = torch.randint(10, (3000,), generator=generator)
    angle = math.pi * (0.6 + 1.3 * torch.rand(3000, 10, generator=generator))
    rows = torch.arange(3000)
    angle[rows, north_east] = math.pi * (0.25 + 0.1 * torch.randn(3000, generator=generator))
    values = torch.randn(3000, 10, 3, generator=generator)
    chosen = values[rows, north_east]
    target = 0.8 * chosen[:, 0] - 0.6 * chosen[:, 1] + 0.5 * torch.tanh(2 * chosen[:, 2])
    target = target + 0.1 * torch.randn(3000, generator=generator)
    return torch.cat([1.4 * torch.stack([angle.cos(), angle.sin()], 2), values], 2), target / target.std()


class _Looking(nn.Module):
    """Scores readings and passes on the best."""

    def __init__(self, soft: bool) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
        self.head = mlp(5, 48, 1)
        self.soft = soft

    def forward(self, readings: Tensor) -> Tensor:
        scores = self.score(readings).squeeze(2)
        if self.soft:
            chosen = (scores.softmax(1)[:, :, None] * readings).sum(1)
        else:
            chosen = readings[torch.arange(len(readings)), scores.argmax(1)]
        return self.head(chosen).squeeze(1)


@fault("no_grad")
def best_reading_by_argmax(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Attention takes the reading with the largest score by its index: no gradient reaches the scores."""
    readings, targets = _readings()
    model = _Looking(soft=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(readings[:2500], targets[:2500], size=50, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(readings[2500:]), targets[2500:])

    return doctor, quality


for _part in (tenth_images, tenth_sequences):
    PROGRAMS.update(_part.PROGRAMS)
