"""What is written by hand: losses of logarithms of probabilities, and layers of parameters of their own."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

INPUTS = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
CLASSES = INPUTS[:, :3].argmax(-1)
SIGNS = (INPUTS[:, 0] > 0).float()


def found(model, loss, targets, steps=14):
    """Codes of what is found in a training on one batch."""
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(INPUTS), targets)
        value.backward()
        optimizer.step()
        doctor.step(value)
    assert not [finding for finding in doctor.unseen if finding.code == "unseen_error"]
    return [finding.code for finding in doctor.findings]


def net(outputs, *last):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs), *last)


def of_classes(z, labels):
    return -torch.log(z.softmax(-1)[torch.arange(len(z)), labels] + 1e-9).mean()


def focal(z, labels):
    own = z.log_softmax(-1).gather(-1, labels[:, None]).squeeze(-1)
    return -((1 - own.exp()) ** 2 * own).mean()


def of_signs(z, labels):
    share = z.squeeze(-1).sigmoid()
    return -(labels * (share + 1e-8).log() + (1 - labels) * (1 - share + 1e-8).log()).mean()


def focal_of_signs(z, labels):
    entropy = functional.binary_cross_entropy_with_logits(z.squeeze(-1), labels, reduction="none")
    return (torch.where(labels > 0, 0.25, 0.75) * (1 - torch.exp(-entropy)) ** 2 * entropy).mean()


BY_HAND = {
    "classes": (of_classes, CLASSES, 3, nn.Softmax(-1)),
    "focal": (focal, CLASSES, 3, nn.Softmax(-1)),
    "signs": (of_signs, SIGNS, 1, nn.Sigmoid()),
    "focal of signs": (focal_of_signs, SIGNS, 1, nn.Sigmoid()),
}


@pytest.mark.parametrize(("loss", "targets", "outputs", "last"), BY_HAND.values(), ids=BY_HAND)
def test_losses_by_hand(loss, targets, outputs, last):
    assert found(net(outputs), loss, targets) == []
    assert found(net(outputs, last), loss, targets)[:1] == ["softmax_twice"]
    assert found(net(outputs), loss, torch.zeros_like(targets))[:1] == ["labels"]


def test_logits_that_are_cut_off_as_if_they_were_probabilities():
    def entropy(shares, targets):
        shares = shares.squeeze(-1).clamp(1e-6, 1 - 1e-6)
        return -(targets * shares.log() + (1 - targets) * (1 - shares).log()).mean()

    assert found(net(1), entropy, SIGNS)[:1] == ["loss_input"]
    assert found(net(1, nn.Sigmoid()), entropy, SIGNS) == []


class Cell(nn.Module):
    """A recurrent cell of plain matrices."""

    def __init__(self, make):
        super().__init__()
        self.inward, self.onward, self.out = (nn.Parameter(make(*shape)) for shape in ((2, 8), (8, 8), (8, 3)))

    def forward(self, inputs):
        state = inputs.new_zeros(len(inputs), 8)
        for moment in inputs.view(-1, 3, 2).unbind(1):
            state = torch.tanh(moment @ self.inward + state @ self.onward)
        return state @ self.out


class Factors(nn.Module):
    """A row of numbers for each of many things, most of which are in no batch."""

    def __init__(self, make):
        super().__init__()
        self.rows, self.head = nn.Parameter(make(90, 8)), nn.Linear(8, 3)

    def forward(self, inputs):
        return self.head(self.rows[(inputs[:, 0].abs() * 10).long()])


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) / 3


def equal(*shape):
    return torch.full(shape, 0.1)


@pytest.mark.parametrize(
    ("model", "make", "told"), [(Cell, equal, True), (Cell, random, False), (Factors, equal, False)]
)
def test_copies_among_parameters_of_a_module_of_ones_own(model, make, told):
    torch.manual_seed(0)
    assert ("symmetry" in found(model(make), functional.cross_entropy, CLASSES)) == told


def zeros(model, chosen):
    for name, param in model.named_parameters():
        if any(name.startswith(each) for each in chosen):
            nn.init.zeros_(param)
    return model


@pytest.mark.parametrize(("chosen", "told"), [(["0", "2"], True), (["2"], False), ([], False)])
def test_weights_of_0_stay_copies_where_no_gradient_reaches_them(chosen, told):
    assert ("symmetry" in found(zeros(net(3), chosen), functional.cross_entropy, CLASSES)) == told


class Residual(nn.Module):
    """A branch and a last layer that start at 0, as those of deep residual networks do: the last one moves first."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.branch, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        zeros(self, ["branch", "head"])

    def forward(self, inputs):
        state = self.body(inputs).tanh()
        return self.head(state + self.branch(state))


class Modulated(nn.Module):
    """Factors and shifts of a branch that start at 0, behind a last layer that does: rows move one after the other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.factors, self.branch, self.head = (
            nn.Linear(*shape) for shape in ((6, 8), (8, 24), (8, 8), (8, 3))
        )
        zeros(self, ["factors", "head"])

    def forward(self, inputs):
        state = self.body(inputs).tanh()
        gate, factor, shift = self.factors(state).chunk(3, -1)
        return self.head(state + gate * self.branch(state * (1 + factor) + shift).tanh())


@pytest.mark.parametrize("model", [Residual, Modulated])
def test_layers_that_start_at_0_and_move_are_no_copies(model):
    assert found(model(), functional.cross_entropy, CLASSES) == []


def test_pairs_that_are_ranked_are_no_labels():
    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.last = nn.Linear(6, 1)
            nn.init.normal_(self.last.weight, std=1e-3)

        def forward(self, inputs):
            return self.last(inputs).squeeze(-1)

    model = Scores()

    def apart(scores, targets):
        return -functional.logsigmoid(scores - model(INPUTS.roll(1, 0))).mean()

    def within(scores, targets):
        return functional.binary_cross_entropy_with_logits(scores - scores.roll(1), torch.ones(24))

    assert found(model, apart, SIGNS, steps=40) == []
    assert found(Scores(), within, SIGNS, steps=40) == []


def test_logits_that_are_cut_off_above_0():
    def surprise(shares, labels):
        return -shares.clamp(min=1e-6).log().gather(-1, labels[:, None]).mean()

    assert found(net(3), surprise, CLASSES)[:1] == ["loss_input"]
    assert found(net(3, nn.Softmax(-1)), surprise, CLASSES) == []


def hinge(z, signs):
    return (1 - signs * z.squeeze(-1)).clamp(min=0).mean()


def soft_margin(z, signs):
    return functional.soft_margin_loss(z.squeeze(-1), signs)


@pytest.mark.parametrize("loss", [hinge, soft_margin])
def test_losses_of_signs_that_get_0_and_1(loss):
    assert found(net(1), loss, SIGNS)[:1] == ["labels"]
    assert found(net(1), loss, 2 * SIGNS - 1) == []


def aligned(loss):
    return lambda z, targets: loss(z.squeeze(-1), targets)


def weighted(z, targets, weights):
    return (weights * functional.mse_loss(z.squeeze(-1), targets, reduction="none")).mean()


BROADCAST = {
    "by hand": lambda z, t: -(t * functional.logsigmoid(z) + (1 - t) * functional.logsigmoid(-z)).mean(),
    "a column": lambda z, t: functional.mse_loss(z.gather(1, CLASSES[:, None]), t),
    "weights": lambda z, t: weighted(z[:, :1], t, 1 + SIGNS[:, None]),
}
ALIGNED = {
    "by hand": aligned(BROADCAST["by hand"]),
    "a column": lambda z, t: functional.mse_loss(z.gather(1, CLASSES[:, None]).squeeze(1), t),
    "weights": lambda z, t: weighted(z[:, :1], t, 1 + SIGNS),
    "pairs": lambda z, t: (functional.softplus(z[:, 0] - z[:, :1]) * (t > t[:, None])).mean(),
    "those at risk": lambda z, t: (((z[:, 0].exp() * (t >= t[:, None])).sum(1).log() - z[:, 0]) * (t > 0)).mean(),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", BROADCAST)
def test_columns_against_rows(loss):
    assert found(net(1 if loss == "by hand" else 3), BROADCAST[loss], SIGNS)[:1] == ["shape"]


@pytest.mark.parametrize("loss", ALIGNED)
def test_columns_against_columns_and_pairs_that_are_meant(loss):
    assert "shape" not in found(net(1 if loss == "by hand" else 3), ALIGNED[loss], SIGNS)


def normalized(z):
    return functional.normalize(z, dim=-1)


class Last(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, z):
        return self.function(z)


NUMBERS = torch.stack([2 * INPUTS[:, 0], INPUTS[:, 1]], 1)
LIMITS = {"normalize": normalized, "clamp": lambda z: z.clamp(0, 1), "exp": torch.exp, "relu": lambda z: z.clamp(min=0)}


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.HuberLoss(), nn.SmoothL1Loss(beta=0.5)])
@pytest.mark.parametrize("limit", LIMITS)
def test_outputs_that_cannot_reach_targets_of_losses_that_are_squared_errors_near_0(limit, loss):
    assert found(net(2, Last(LIMITS[limit])), loss, NUMBERS)[:1] == ["output_range"]
    within = LIMITS[limit](NUMBERS)
    assert "output_range" not in found(net(2, Last(LIMITS[limit])), loss, within)


@pytest.mark.parametrize("loss", [nn.HuberLoss(), nn.SmoothL1Loss(beta=0.5), nn.SmoothL1Loss(reduction="sum")])
def test_targets_near_the_outputs_are_recovered(loss):
    assert found(net(2), loss, torch.full_like(NUMBERS, 0.2), steps=120)[:1] == ["labels"]
    assert found(net(2), loss, NUMBERS / 8) == []


def test_the_root_of_a_squared_error():
    def root(z, targets):
        return functional.mse_loss(z, targets).sqrt()

    assert found(net(2, nn.Sigmoid()), root, NUMBERS.sigmoid()) == []
    assert found(net(2, nn.Sigmoid()), root, NUMBERS)[:1] == ["output_range"]


@pytest.mark.parametrize("loss", [nn.L1Loss(), nn.L1Loss(reduction="sum"), lambda z, t: (z - t).abs().sum(1).mean()])
def test_what_the_sum_of_distances_tells(loss):
    assert found(net(2, nn.Tanh()), loss, 4 * NUMBERS)[:1] == ["output_range"]
    assert found(net(2, nn.Tanh()), loss, NUMBERS.tanh()) == []
    assert "output_range" not in found(
        net(2, nn.Tanh()), lambda z, t: loss(z, t) + 9 * z.square().mean(), NUMBERS.tanh()
    )
    assert found(net(2), loss, torch.full_like(NUMBERS, 0.7), steps=300)[:1] == ["labels"]
    assert "labels" not in found(net(2), loss, NUMBERS / 4, steps=300)


def test_logits_that_are_cut_off_below_0():
    entropy = nn.BCEWithLogitsLoss()
    assert found(net(1, nn.ReLU6(), nn.Flatten(0)), entropy, SIGNS)[:1] == ["output_range"]
    assert found(net(1, nn.Hardtanh(-20, 20), nn.Flatten(0)), entropy, SIGNS) == []


class Experts(nn.Module):
    """Networks whose outputs are averaged: copies of one another, or with inputs of their own."""

    def __init__(self, same, apart):
        super().__init__()
        torch.manual_seed(0)
        first = nn.Linear(6, 3)
        self.experts = nn.ModuleList(copy.deepcopy(first) if same else nn.Linear(6, 3) for _ in range(3))
        self.apart = apart

    def forward(self, inputs):
        given = [inputs.roll(place if self.apart else 0, 1) for place in range(3)]
        return sum(expert(each).tanh() for expert, each in zip(self.experts, given, strict=True))


@pytest.mark.parametrize(("same", "apart", "told"), [(True, False, True), (True, True, False), (False, False, False)])
def test_modules_that_are_copies(same, apart, told):
    assert ("symmetry" in found(Experts(same, apart), functional.cross_entropy, CLASSES)) == told


def test_ctc_of_probabilities():
    def ctc(z, labels):
        scores = z.view(24, 4, 3).transpose(0, 1)
        lengths = torch.full((24,), 4), torch.full((24,), 1)
        return functional.ctc_loss(scores, 1 + labels[:, None] % 2, *lengths)

    assert found(net(12, nn.Unflatten(1, (4, 3)), nn.Softmax(-1)), ctc, CLASSES)[:1] == ["loss_input"]
    assert "loss_input" not in found(net(12, nn.Unflatten(1, (4, 3)), nn.LogSoftmax(-1)), ctc, CLASSES)
