"""What programs taught that the doctor had not seen: labels of pixels, Poisson losses, losses without a least value."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.finding import Diagnosis, ranked
from steepest.diagnose.losses.examples import of_labels
from steepest.diagnose.record import LayerFacts, LossFacts, Record, StepFacts, Tick
from steepest.diagnose.signs import SIGNS

from .loops import steps


def record(losses, labels, batch=16, rates=(0.1, 0.1, 0.1), descent=0.01, gain=0.9):
    layers = [LayerFacts(f"{place}.weight", 100, 1.0, 1.0, 0.01, 0.0) for place in range(3)]
    ticks = [
        Tick(step, batch, 1, [], LossFacts("cross_entropy", losses[step], 1.0, labels(step)), gain=gain)
        for step in (0, 1, 2, 3, 5, 8, 12, 18, 30)
    ]
    for tick in ticks:
        tick.update = StepFacts(layers, raw=3**0.5, descent=descent)
    return Record(losses=list(losses), ticks=ticks, rates=[rates])


def classes_of(rows, batch=16):
    """A record whose batches have these labels of each of 16 examples; `rows` gives those of a step, as a matrix."""
    made = record([0.7] * 40, lambda step: {0: 1, 1: 1}, batch)
    for tick in made.ticks:
        labels = rows(tick.step)
        tick.loss.examples = of_labels(labels.flatten(), torch.ones(labels.numel(), dtype=torch.bool), len(labels))
    return made


def test_pixels_of_an_image_are_alike_and_do_not_count_as_so_many_draws():
    generator = torch.Generator().manual_seed(1)
    objects = lambda step: (torch.arange(256) < 250 * torch.rand(16, 1, generator=generator)).long()  # noqa: E731
    assert SIGNS["not_shuffled"](classes_of(objects)) is None
    images = classes_of(lambda step: torch.full((16, 1), step % 2))
    assert SIGNS["not_shuffled"](images) is not None
    whole = classes_of(lambda step: torch.full((16, 256), step % 2))  # all pixels of a batch are of one class
    assert SIGNS["not_shuffled"](whole)["ratio"] == pytest.approx(SIGNS["not_shuffled"](images)["ratio"])
    flat = classes_of(lambda step: torch.full((16 * 8, 1), step % 2))  # eight outputs of each example
    assert SIGNS["not_shuffled"](flat)["ratio"] == pytest.approx(SIGNS["not_shuffled"](images)["ratio"])


@pytest.mark.parametrize(("last", "told"), [(1.38, True), (1.2, False)])
def test_a_warming_rate_is_called_low_where_nothing_is_learnt_all_the_while(last, told):
    evenly = lambda step: {0: 4, 1: 4, 2: 4, 3: 4}  # noqa: E731
    slow = record([1.39] * 30 + [last] * 270, evenly, rates=(1e-7, 1e-5, 1e-5), descent=1e-5, gain=1.0)
    assert (SIGNS["lr_low"](slow) is not None) == told


@pytest.mark.parametrize(
    ("share", "fall", "code"), [(0.6, 0.1, "vanishing"), (1.0, 0.1, "dead_units"), (0.6, 1.0, "dead_units")]
)
def test_half_of_the_units_silent_in_a_deep_net_come_with_its_vanishing_gradient(share, fall, code):
    seen = record([1.4] * 40, lambda step: {0: 8, 1: 8})
    for tick in seen.ticks:
        tick.update.layers = [
            LayerFacts(f"{place}.weight", 100, 1.0, fall ** (6 - place), 0.01, share if place == 5 else 0.1)
            for place in range(7)
        ]
    found = {name: numbers for name in ("dead_units", "vanishing") if (numbers := SIGNS[name](seen)) is not None}
    assert [finding.code for finding in ranked(found)] == [code]


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.5, -2.0, *[-150.0] * 60], False),
        ([0.5, -2.0, *[-5.0] * 60], False),
        ([40.0] * 20 + [-900.0] * 60, False),
        ([1.5, -2.0, *[-2.0 * 1.5**step for step in range(60)]], True),
    ],
)
def test_a_loss_without_a_least_value(losses, told):
    found = SIGNS["ascent"](Record(losses=losses))
    assert (found is not None) == told
    if told:
        shown = ranked({"ascent": found | {"step": 40}})[0]
        assert "least value" in shown.text("en") and "最小值" in shown.text("zh")


@pytest.mark.parametrize(
    ("last", "log_input", "reduction", "told"),
    [
        (nn.Softplus(), True, "mean", True),
        (nn.ReLU(), True, "sum", True),
        (nn.Softplus(), False, "mean", False),
        (nn.Identity(), True, "mean", False),
    ],
)
def test_rates_taken_for_logarithms_of_rates(last, log_input, reduction, told):
    torch.manual_seed(0)
    inputs, counts = torch.randn(64, 4), torch.poisson(torch.ones(64))
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), last, nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    criterion = nn.PoissonNLLLoss(log_input=log_input, reduction=reduction)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = criterion(model(inputs), counts)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["loss_input"] * told
    if told:
        shown = Diagnosis("loss_input", dict(doctor.findings[0].numbers))
        assert "log_input=False" in shown.advice("en") and "log_input=False" in shown.advice("zh")


def test_squares_of_exponentials_are_no_poisson_loss_and_their_targets_are_unknown():
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 4), torch.rand(64)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.Softplus(), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = (model(inputs).exp() - targets - 1).square().mean()
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert doctor.findings == []


@pytest.mark.parametrize(("fill", "sparse", "told"), [(0.1, False, True), (None, False, False), (0.1, True, False)])
def test_factors_of_an_embedding_that_stay_copies(fill, sparse, told):
    torch.manual_seed(0)

    class Factors(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(20, 4, sparse=sparse), nn.Embedding(10, 4, sparse=sparse)
            for table in (self.users, self.items):
                if fill is not None:
                    nn.init.constant_(table.weight, fill)

        def forward(self, users, items):
            return (self.users(users) * self.items(items)).sum(1)

    model = Factors()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    users, items, ratings = torch.randint(20, (64,)), torch.randint(10, (64,)), torch.randn(64)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = (model(users, items) - ratings).square().mean()
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["symmetry"] * told
    assert not told or doctor.findings[0].numbers["units"] == 4


@pytest.mark.parametrize("criterion", [nn.HuberLoss(), nn.SmoothL1Loss(beta=0.5), nn.L1Loss()])
@pytest.mark.parametrize("lowest", [-1.0, 0.0])
def test_targets_below_a_relu_are_told_by_the_sign_of_the_gradient(criterion, lowest):
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    targets = (inputs.sum(1) / 2).clamp_min(lowest)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1), nn.ReLU(), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(6):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["output_range"] * (lowest < 0)


class Series(nn.Module):
    """The last moment of what a recurrent layer gives for a series."""

    def __init__(self, layer, state=False):
        super().__init__()
        self.layer, self.state = layer, state

    def forward(self, series):
        states, last = self.layer(series)
        return last[1][0, :, 0] if self.state else states[:, -1, 0]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("model", "spread", "told"),
    [
        (Series(nn.LSTM(4, 1, batch_first=True)), 2.0, "LSTM"),
        (Series(nn.GRU(4, 1, batch_first=True)), 2.0, "GRU"),
        (Series(nn.RNN(4, 1, batch_first=True)), 2.0, "tanh"),
        (Series(nn.LSTM(4, 1, 2, bidirectional=True, batch_first=True)), 2.0, "LSTM"),
        (nn.Sequential(nn.Flatten(), nn.Linear(32, 1), nn.Hardtanh(-2, 2), nn.Flatten(0)), 4.0, "hardtanh"),
        (Series(nn.LSTM(4, 1, batch_first=True)), 0.3, None),
        (Series(nn.LSTM(4, 3, proj_size=1, batch_first=True)), 2.0, None),
        (Series(nn.LSTM(4, 1, batch_first=True), state=True), 2.0, None),  # of the cell, which no gate limits
        (nn.Sequential(nn.Flatten(), nn.Linear(32, 1), nn.Hardtanh(-20, 20), nn.Flatten(0)), 4.0, None),
    ],
)
def test_targets_beyond_what_a_recurrent_layer_or_a_limited_activation_gives(model, spread, told):
    generator = torch.Generator().manual_seed(1)
    series = torch.randn(64, 8, 4, generator=generator)
    targets = spread * torch.randn(64, generator=generator).clamp(-2, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = (model(series) - targets).square().mean()
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [(each.code, each.numbers["kind"]) for each in doctor.findings] == [("output_range", told)] * bool(told)


@pytest.mark.parametrize("sign", [1, -1])
def test_two_classes_with_a_penalty_on_the_weights_tell_ascent_from_descent(sign):
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    labels = (inputs[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(20):
            optimizer.zero_grad()
            penalty = sum(param.square().sum() for param in model.parameters())
            loss = sign * nn.functional.cross_entropy(model(inputs), labels) + 1e-2 * penalty
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["ascent"] * (sign < 0)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize(
    ("given", "reduction", "told"),
    [
        (lambda z: z.softmax(1), "batchmean", "divergence"),
        (lambda z: z.softmax(1), "sum", "divergence"),
        (lambda z: z.softmax(1), "mean", "divergence"),
        (lambda z: z, "batchmean", "divergence_logits"),
        (lambda z: z.log_softmax(1), "batchmean", None),
        (lambda z: z - z.logsumexp(1, keepdim=True), "batchmean", None),
    ],
)
def test_a_divergence_of_what_the_loop_makes_of_logits(given, reduction, told):
    torch.manual_seed(0)
    inputs, shares = torch.randn(64, 4), torch.rand(64, 5).softmax(1)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 5))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = nn.functional.kl_div(given(model(inputs)), shares, reduction=reduction)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert [(each.code, each.numbers["kind"]) for each in doctor.findings] == [("loss_input", told)] * bool(told)


@pytest.mark.parametrize("loss_of", [lambda p, t: (1 - (p * t).sum(1)).mean(), lambda p, t: (p - t).square().mean()])
def test_other_losses_of_probabilities_are_no_divergence(loss_of):
    torch.manual_seed(0)
    inputs, labels = torch.randn(64, 4), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 5))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = loss_of(model(inputs).softmax(1), nn.functional.one_hot(labels, 5).float())
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert doctor.findings == []


class Weighed(nn.Module):
    """A network that weighs something by a softmax over a dimension."""

    def __init__(self, kind, dim):
        super().__init__()
        self.kind, self.dim = kind, dim
        self.first, self.scores = nn.Linear(4, 8), nn.Linear(8, 6 if kind == "gate" else 1)
        self.values, self.last = nn.Linear(8, 6), nn.Linear(6 if kind == "gate" else 8, 2)

    def forward(self, x):
        hidden = torch.tanh(self.first(x))
        weights = torch.softmax(self.scores(hidden), self.dim)
        if self.kind == "gate":
            return self.last(weights * self.values(hidden))
        if self.kind == "set":  # each element hears of the mean of all
            return self.last(hidden + (weights * hidden).sum(0, keepdim=True))
        return self.last((weights * hidden).sum(0 if self.kind == "moments" else 1))


@pytest.mark.parametrize(
    ("kind", "dim", "shape", "told"),
    [
        ("bags", 0, (16, 5, 4), True),
        ("gate", 0, (16, 4), True),
        ("bags", 1, (16, 5, 4), False),
        ("gate", 1, (16, 4), False),
        ("moments", 0, (5, 16, 4), False),  # the moments come first: softmax over them is meant
        ("set", 0, (16, 4), False),
        ("bags", 0, (1, 5, 4), False),
    ],
)
def test_softmax_over_the_batch_within_a_model(kind, dim, shape, told):
    torch.manual_seed(0)
    inputs, model = torch.randn(shape), Weighed(kind, dim)
    labels = torch.randint(2, (shape[1 if kind == "moments" else 0],))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(4):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    found = [finding for finding in doctor.findings if finding.code == "softmax_dim"]
    assert len(found) == told
    if told:
        assert "16" in found[0].text("en") and "16" in found[0].text("zh")


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", ["batchmean", "sum", "mean"])
@pytest.mark.parametrize(("classes", "sharpness"), [(5, 0.5), (5, 6.0), (2, 0.5), (2, 6.0)])
def test_a_divergence_from_soft_targets_does_not_climb(classes, sharpness, reduction):
    torch.manual_seed(0)
    inputs, shares = torch.randn(64, 4), (sharpness * torch.rand(64, classes)).softmax(1)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, classes))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(14):
            optimizer.zero_grad()
            loss = nn.functional.kl_div(model(inputs).log_softmax(1), shares, reduction=reduction)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert doctor.findings == [] and doctor.unseen == []
    facts = doctor.record.ticks[0].loss
    whole = {"batchmean": 1.0, "sum": 64.0, "mean": 1 / classes}[reduction]
    assert facts.scale == pytest.approx(whole) and facts.mean * whole == pytest.approx(
        doctor.record.losses[0], rel=1e-2
    )
    assert all(0.5 < tick.gain < 1.5 for tick in doctor.record.ticks)


@pytest.mark.parametrize(("fill", "told"), [(0.1, True), (0.0, False), (None, False)])
def test_units_with_equal_weights_are_copies_though_dropout_tells_their_gradients_apart(fill, told):
    """A layer of zeros behind a layer of random weights is none: its gradients tell its units apart."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2)
    )
    if fill is not None:
        nn.init.constant_(model[3].weight, fill)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, count=4)
    assert [finding.code for finding in doctor.findings] == ["symmetry"] * told


@pytest.mark.parametrize(("deviation", "told"), [(0.01, ["vanishing"]), (None, [])])
def test_small_weights_of_a_deep_net_let_nothing_through_though_its_last_layer_soon_moves(deviation, told):
    torch.manual_seed(0)
    sizes = [(4, 32), (32, 32), (32, 32), (32, 32), (32, 2)]
    model = nn.Sequential(*(layer for size in sizes for layer in (nn.Linear(*size), nn.ReLU())))[:-1]
    for layer in model[::2]:
        if deviation is not None:
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, count=6, loss=lambda logits, labels: functional.cross_entropy(logits, 0 * labels))
    assert [finding.code for finding in doctor.findings] == told


@pytest.mark.parametrize(("signal", "told"), [(1e-8, "1.bias"), (0.3, None)])
def test_no_signal_that_comes_forward_leaves_the_biases_alone_with_a_gradient(signal, told):
    """All weights have a tiny gradient then, the last one too, so that first and last ones do not differ."""
    seen = record([1.4] * 40, lambda step: {0: 8, 1: 8})
    for tick in seen.ticks:
        tick.update.layers = [
            *(LayerFacts(f"{place}.weight", 100, 1.0, signal, 0.01, 0.0) for place in range(3)),
            *(LayerFacts(f"{place}.bias", 4, 1.0, 0.1**place, 0.01) for place in (2, 1)),
        ]
    found = SIGNS["vanishing"](seen)
    assert (found and found["last"]) == told


@pytest.mark.parametrize(("bound", "told"), [(1e-3, ["clip"]), (10.0, [])])
@pytest.mark.parametrize("place", ["hook", "clip_grad_value_"])
def test_gradients_whose_entries_are_clamped(bound, told, place):
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 6), torch.randn(64, 2)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if place == "hook":
        for param in model.parameters():
            param.register_hook(lambda grad: grad.clamp(-bound, bound))
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        if place == "clip_grad_value_":
            nn.utils.clip_grad_value_(model.parameters(), bound)
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    assert [finding.code for finding in doctor.findings] == told
    if told:
        (finding,) = doctor.findings
        assert finding.numbers["kind"] == "entries" and finding.numbers["entries"] > 0.5
        assert "bound" in finding.text() and "阈值" in finding.text("zh")


@pytest.mark.parametrize(("squeezed", "told"), [(False, ["shape"]), (True, [])])
def test_a_column_of_the_outputs_against_a_row_of_targets(squeezed, told):
    """As of a mean and a variance: the mean's column and the targets make a square of differences."""
    torch.manual_seed(0)
    inputs = torch.randn(24, 5)
    targets = inputs[:, 0]
    model = nn.Linear(5, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    doctor = steepest.watch(model, optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        mean, spread = model(inputs).chunk(2, dim=-1)
        if squeezed:
            mean, spread = mean.squeeze(-1), spread.squeeze(-1)
        loss = 0.5 * (spread + (targets - mean) ** 2 / spread.exp()).mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    assert [finding.code for finding in doctor.findings] == told


@pytest.mark.parametrize(("high", "told"), [(255.0, ["labels"]), (1.0, [])])
def test_targets_that_the_loss_does_not_take(high, told):
    torch.manual_seed(0)
    inputs = torch.randn(32, 5)
    targets = high * (inputs[:, :1] > 0).float()
    model = nn.Linear(5, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    doctor = steepest.watch(model, optimizer)
    for _ in range(6):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    assert [finding.code for finding in doctor.findings] == told
    if told:
        assert "between 0 and 255" in doctor.findings[0].text() and "0 到 255" in doctor.findings[0].text("zh")


@pytest.mark.parametrize(("thousandths", "told"), [(60, True), (20, False)])
def test_three_divisions_by_ten_take_a_rate_away(thousandths, told):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    doctor = steepest.watch(model, optimizer)
    for step in range(100):
        if step in (100 - thousandths - 2, 100 - thousandths - 1, 100 - thousandths):
            optimizer.param_groups[0]["lr"] *= 0.1
        optimizer.zero_grad()
        loss = (model(torch.randn(16, 3)) ** 2).mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    assert ("lr_vanished" in [finding.code for finding in doctor.findings]) == told


def test_first_layers_that_get_a_hundredth_of_any_others_gradient_where_nothing_is_learnt():
    def seen(loss, first):
        made = record([1.38] * 3 + [loss] * 300, lambda step: {0: 8, 1: 8, 2: 8, 3: 8})
        for tick in made.ticks:
            sizes = {"start": first, "head": 1.0, "inner": 0.1}
            tick.update.layers = [LayerFacts(f"{name}.weight", 4, 1.0, 2 * size, 0.01) for name, size in sizes.items()]
        return SIGNS["vanishing"](made)

    assert seen(1.38, 5e-3)["last"] == "head.weight"
    assert seen(0.5, 5e-3) is None and seen(1.38, 5e-2) is None
