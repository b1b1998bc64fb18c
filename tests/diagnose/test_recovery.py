"""Losses that are recovered from the gradient of an output: weighted, of a model's own, and of many classes."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.autograd import path_between
from steepest.diagnose.losses import dispatch as module
from steepest.diagnose.losses import recover

from .loops import steps


def recovered(z, loss):
    (slope,) = torch.autograd.grad(loss, z, retain_graph=True)
    return recover(path_between(loss, [z]), z, slope, loss.item())


def output_of(values):
    """Values as a model returns them: with a node of the graph."""
    return values.clone().requires_grad_() * 1.0


@pytest.mark.quick
def test_labels_of_two_weighted_classes_are_right_where_a_model_is_sure_and_wrong():
    """27 rows of the first class, for which the second is predicted for sure, and 5 of the second."""
    z = output_of(
        torch.tensor([-40.0, 40.0]).repeat(32, 1) + torch.randn(32, 2, generator=torch.Generator().manual_seed(0))
    )
    labels = (torch.arange(32) >= 27).long()
    loss = functional.cross_entropy(z, labels, weight=torch.tensor([0.55, 5.0]))
    found = recovered(z, loss)
    assert found.facts.labels == {0: 27, 1: 5}
    assert float(found.again(z.detach() - torch.tensor([0.0, 1.0]))) < float(found.again(z.detach()))


@pytest.mark.parametrize("weight", [None, torch.tensor([0.55, 5.0]), torch.tensor([3.0, 0.1])])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_two_classes_weighted_or_smoothed(weight, smoothing, scale):
    generator = torch.Generator().manual_seed(1)
    z = output_of(scale * torch.randn(64, 2, generator=generator))
    labels = (torch.rand(64, generator=generator) < 0.2).long()
    if weight is not None and smoothing:
        return  # neither classes nor one weight for all: not recovered, and not claimed
    found = recovered(z, functional.cross_entropy(z, labels, weight=weight, label_smoothing=smoothing))
    assert found.facts.labels == {0: int((labels == 0).sum()), 1: int(labels.sum())}
    again = z.detach() + 0.1 * torch.randn(64, 2, generator=generator)
    exact = functional.cross_entropy(again, labels, weight=weight, label_smoothing=smoothing)
    assert float(found.again(again)) == pytest.approx(float(exact), rel=1e-3)


class Language(nn.Module):
    """A model of language that computes its own loss, of labels that it shifts, as those of Hugging Face do."""

    def __init__(self, way):
        super().__init__()
        self.way, self.symbols, self.norm = way, nn.Embedding(40, 16), nn.LayerNorm(16)
        self.head = nn.Linear(16, 40, bias=False)

    def forward(self, input_ids, labels, count=None):
        hidden = self.norm(self.symbols(input_ids))
        logits = self.head(hidden)
        if self.way == "slices":
            shown, wanted = logits[..., :-1, :].contiguous(), labels[..., 1:].contiguous()
            loss = functional.cross_entropy(shown.view(-1, 40), wanted.view(-1))
        else:
            wanted = functional.pad(labels, (0, 1), value=-100)[..., 1:].contiguous().view(-1)
            shown = logits.float().view(-1, 40)
            if count is None:
                loss = functional.cross_entropy(shown, wanted, ignore_index=-100)
            else:
                loss = functional.cross_entropy(shown, wanted, ignore_index=-100, reduction="sum") / count
        return {"loss": loss, "logits": logits, "past_key_values": ((hidden, hidden),)}


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("way", ["slices", "padding", "count"])
def test_a_models_own_loss_of_shifted_labels_is_understood(way, parts, monkeypatch):
    if parts:  # as with a large vocabulary
        monkeypatch.setattr(module, "LARGEST", 1000)
    torch.manual_seed(0)
    model = Language(way)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    doctor = steepest.watch(model, optimizer)
    told = []
    for _ in range(6):
        symbols = torch.randint(40, (8, 9))
        optimizer.zero_grad()
        loss = model(symbols, symbols, count=64 if way == "count" else None)["loss"]
        loss.backward()
        optimizer.step()
        doctor.step(loss)
        told.append(symbols[:, 1:])
    assert doctor.unseen == [] and doctor.findings == []
    for tick in doctor.record.ticks:
        assert 0.5 < tick.gain < 1.2 and tick.loss.scale == pytest.approx(1, rel=1e-3)
        assert tick.loss.mean == pytest.approx(doctor.record.losses[tick.step], rel=1e-3)
        values, counts = told[tick.step].unique(return_counts=True)
        assert tick.loss.labels == dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert len(doctor._observer.recording.batches) == len(doctor.record.ticks)  # their loss can be tried


def test_many_classes_are_recovered_in_parts_as_all_at_once(monkeypatch):
    generator = torch.Generator().manual_seed(2)
    z = output_of(2 * torch.randn(37, 50, generator=generator))
    labels, weights = torch.randint(50, (37,), generator=generator), torch.rand(50, generator=generator) + 0.5
    for options in ({}, {"weight": weights}, {"reduction": "sum"}):
        loss = functional.cross_entropy(z, labels, **options)
        whole = recovered(z, loss)
        with monkeypatch.context() as patch:
            patch.setattr(module, "LARGEST", 600)
            parts = recovered(z, loss)
        assert parts.facts.labels == whole.facts.labels and parts.facts.mean == pytest.approx(
            whole.facts.mean, rel=1e-4
        )
        again = z.detach() + 0.1
        again[:, 3] += 0.2
        assert float(parts.again(again)) == pytest.approx(float(whole.again(again)), rel=1e-4)
        (slope,) = torch.autograd.grad(loss, z, retain_graph=True)
        point = z.detach().clone().requires_grad_()
        assert torch.allclose(torch.autograd.grad(parts.again(point), point)[0], slope, atol=1e-5)


def test_targets_between_classes_are_not_taken_for_classes_in_parts(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 600)
    z = output_of(torch.randn(37, 50, generator=torch.Generator().manual_seed(2)))
    loss = functional.cross_entropy(z, torch.arange(37), label_smoothing=0.3)
    assert recovered(z, loss).again is None


BINARY = {
    "classes": ({}, lambda share: (share > 0.4).float()),
    "classes of 1 entry in 20": ({}, lambda share: (share > 0.95).float()),
    "smoothed": ({}, lambda share: 0.1 + 0.8 * (share > 0.4).float()),
    "between": ({}, lambda share: share),
    "summed": ({"reduction": "sum"}, lambda share: (share > 0.4).float()),
    "weighted": ({"pos_weight": torch.tensor(7.0)}, lambda share: (share > 0.4).float()),
}


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
@pytest.mark.parametrize(("options", "make"), BINARY.values(), ids=BINARY)
def test_targets_of_a_binary_cross_entropy_are_recovered_however_sure_the_outputs_are(options, make, scale):
    generator = torch.Generator().manual_seed(3)
    targets = make(torch.rand(64, 1, generator=generator))
    sides = 1 - 2 * (torch.rand(64, 1, generator=generator) < 0.02).float()  # one or two are wrong
    z = output_of(sides * (targets - 0.5).sign() * scale * (0.5 + torch.rand(64, 1, generator=generator)))
    found = recovered(z, functional.binary_cross_entropy_with_logits(z, targets, **options))
    assert found.facts.labels == {label: int(((targets > 0.5) == label).sum()) for label in (0, 1)}
    for again in (z.detach(), z.detach() + 0.1 * torch.randn(64, 1, generator=generator)):
        exact = functional.binary_cross_entropy_with_logits(again, targets, **options)
        assert float(found.again(again)) == pytest.approx(float(exact), rel=2e-3)


def test_the_sign_of_a_binary_cross_entropy_is_told_by_its_value():
    targets = (torch.rand(64, generator=torch.Generator().manual_seed(4)) < 0.3).float()
    z = output_of(torch.randn(64, generator=torch.Generator().manual_seed(5)))
    found = recovered(z, -functional.binary_cross_entropy_with_logits(z, targets))
    assert found.facts.scale == pytest.approx(-1) and found.facts.labels == {
        0: int((targets == 0).sum()),
        1: int(targets.sum()),
    }


def penalized(z, labels):
    return functional.binary_cross_entropy_with_logits(z[:, 0], labels % 2.0) + 0.5 * z.square().mean()


def distilled(z, labels):
    taught = (3 * functional.one_hot(labels, z.shape[1]).float() + 0.5 * z.detach().roll(1, 1)).softmax(-1)
    return functional.cross_entropy(z, labels) + functional.kl_div(z.log_softmax(-1), taught, reduction="batchmean")


@pytest.mark.parametrize("loss", [penalized, distilled])
def test_a_loss_of_two_parts_that_classes_do_not_explain_is_not_claimed(loss):
    labels = torch.randint(4, (64,), generator=torch.Generator().manual_seed(6))
    z = output_of(6 * functional.one_hot(labels, 4) + torch.randn(64, 4, generator=torch.Generator().manual_seed(7)))
    found = recovered(z, loss(z, labels.float() if loss is penalized else labels))
    assert found.again is None and found.facts.labels is None


def test_labels_are_not_counted_where_either_of_two_classes_may_be_meant():
    """A model that is surer than its teacher: the step pulls it back, towards the other one of two classes."""
    generator = torch.Generator().manual_seed(8)
    labels = (torch.rand(64, generator=generator) < 0.4).long()
    ahead = 4 + torch.rand(64, 1, generator=generator)
    z = output_of(functional.one_hot(labels, 3) * ahead + torch.tensor([0.0, 0.0, -9.0]))
    taught = (0.2 * z.detach()).softmax(-1)
    loss = functional.cross_entropy(z, labels) + functional.kl_div(z.log_softmax(-1), taught, reduction="batchmean")
    assert recovered(z, loss).facts.labels is None


@pytest.mark.parametrize("ahead", [1.0, 7.0])
def test_labels_are_counted_where_each_class_has_a_weight_whatever_is_added_to_the_loss(ahead):
    generator = torch.Generator().manual_seed(9)
    labels = torch.randint(3, (64,), generator=generator)
    z = output_of(ahead * functional.one_hot(labels, 3) + torch.randn(64, 3, generator=generator))
    loss = functional.cross_entropy(z, labels, torch.tensor([1.0, 5.0, 0.2]))
    added = torch.ones((), requires_grad=True) * 3.0  # such as a penalty on weights
    counts = {label: int((labels == label).sum()) for label in range(3)}
    assert recovered(z, loss + added).facts.labels == recovered(z, loss).facts.labels == counts


def test_examples_that_are_learnt_count_beside_those_that_are_not():
    z = output_of(torch.tensor([40.0, -40.0]).repeat(40, 1))  # sure of one class of two
    facts = recovered(z, functional.cross_entropy(z, torch.arange(40) % 2)).facts
    assert facts.labels == {0: 20, 1: 20} and facts.examples.middle[:2] == (0.5, 0.5)


def test_logits_that_are_made_logarithms_of_probabilities_by_hand_are_what_the_loss_expects():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    normalized = lambda z, labels: functional.nll_loss(z - z.logsumexp(-1, keepdim=True), labels)  # noqa: E731
    steps(doctor, model, optimizer, loss=normalized)
    assert doctor.findings == []


def test_targets_that_were_broadcast_are_not_judged():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = steepest.watch(model, optimizer)
    for _ in range(30):
        inputs = torch.randn(32, 4)
        optimizer.zero_grad()
        loss = (model(inputs) - 1000 * inputs.sum(1)).square().mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["shape"]


@pytest.mark.parametrize("classes", [3, 5, 10])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_soft_targets_of_a_teacher_at_a_temperature_tell_no_sign(share, classes):
    torch.manual_seed(0)
    teacher, model = nn.Linear(4, classes), nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, classes))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = steepest.watch(model, optimizer)
    for _ in range(14):
        inputs = torch.randn(32, 4)
        taught, made = (teacher(inputs) / 2).softmax(-1).detach(), model(inputs)
        soft = functional.kl_div((made / 2).log_softmax(-1), taught, reduction="batchmean") * 4
        loss = share * functional.cross_entropy(made, taught.argmax(-1)) + (1 - share) * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert doctor.findings == [] and not any(tick.loss.scale < 0 for tick in doctor.record.ticks)


PENALTIES = {
    "squares": lambda weights: sum(weight.square().sum() for weight in weights),
    "absolute": lambda weights: torch.stack([weight.abs().sum() for weight in weights]).sum(),
    "norm": lambda weights: torch.cat([weight.flatten() for weight in weights]).norm(p=2),
    "products": lambda weights: sum((weight * weight).mean() for weight in weights),
}
TERMS = {
    "cross_entropy": lambda z: functional.cross_entropy(z, torch.arange(32) % 3),
    "squared_error": lambda z: functional.mse_loss(z, torch.linspace(-1, 1, 96).reshape(32, 3)),
    "binary": lambda z: functional.binary_cross_entropy_with_logits(z, (torch.arange(96) % 2.0).reshape(32, 3)),
}


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("term", TERMS)
def test_a_penalty_on_weights_is_told_from_the_loss_of_outputs(term, penalty):
    """However it is written; the sum of a residual model's outputs is none, nor are gains behind a normalization."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    z = model(torch.randn(32, 4)) + 0.0
    own, added = TERMS[term](z), 0.3 * PENALTIES[penalty](list(model.parameters()))
    facts = recovered(z, own + added).facts
    assert facts.penalty == pytest.approx(added.item(), rel=1e-3) and facts.mean == pytest.approx(own.item(), rel=1e-3)
    assert recovered(z, own).facts.penalty == 0 and recovered(z, own).again is not None
    gains = sum(param.square().sum() for param in nn.LayerNorm(8).parameters())
    assert recovered(z, TERMS[term](z) + gains).facts.penalty == 0
    assert recovered(z, own + 0.3 * z.square().sum()).facts.penalty == 0


def test_the_mean_of_targets_on_one_side_is_known_where_they_are_not():
    targets = torch.linspace(0.1, 6.6, 40)
    z = output_of(torch.zeros(40))
    facts = recovered(z, functional.l1_loss(z, targets)).facts
    assert facts.targets is None and facts.far == pytest.approx(float(targets.mean()), rel=1e-3)
