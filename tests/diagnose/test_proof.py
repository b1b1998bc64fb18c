"""Advice is tried on copies: they train as the original does, the original stays as it is, and verdicts are true."""

import copy
import random
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.base.errors import InvalidValue
from steepest.diagnose import Diagnosis
from steepest.diagnose.proof import arms, remedies
from steepest.diagnose.proof.arms import left_alone, on_batches, run, standing_in
from steepest.diagnose.proof.experiment import prove
from steepest.diagnose.proof.remedies import REMEDIES, Case
from steepest.diagnose.record import Record
from steepest.findings.catalogue import DIAGNOSES, PROOFS


class Net(nn.Module):
    def __init__(self, drop=0.0):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(drop), nn.Linear(16, 3)
        )

    def forward(self, inputs):
        return self.body(inputs)


def classes(seed=0):
    generator = torch.Generator().manual_seed(seed)
    while True:
        inputs = torch.randn(32, 8, generator=generator)
        yield inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5).long()


def numbers(seed=0):
    generator = torch.Generator().manual_seed(seed)
    while True:
        inputs = torch.randn(16, 8, generator=generator)
        yield inputs, inputs[:, :3] + 0.1 * torch.randn(16, 3, generator=generator)


class EveryStep:
    """A schedule that observes all steps."""

    spent = 0.0

    def due(self, step):
        return True

    def observed(self, step, seconds):
        pass

    def passed(self, seconds):
        pass


def train(
    make=lambda params: torch.optim.SGD(params, 0.1), loss=functional.cross_entropy, data=classes, steps=40, *, sums=1,
    clip=None, zero=True, model=Net, every=True, each=lambda doctor, step: None, share=1.0, **options,
):  # fmt: skip
    torch.manual_seed(3)
    net = model()
    optimizer = make(net.parameters())
    doctor = steepest.watch(net, optimizer, **options)
    if every:
        doctor._observer.schedule = EveryStep()
    batches = data()
    for step in range(steps):
        if zero:
            optimizer.zero_grad()
        for _ in range(sums):
            inputs, targets = next(batches)
            value = loss(net(inputs), targets)
            (share * value).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        doctor.step(value)
        each(doctor, step)
    assert not [finding.text() for finding in doctor.unseen if finding.code == "unseen_error"]
    return net, doctor


ADAM = {"make": lambda params: torch.optim.AdamW(params, 1e-2, weight_decay=0.1)}
WAYS = {
    "cross-entropy, SGD": {},
    "cross-entropy, momentum": {"make": lambda params: torch.optim.SGD(params, 0.05, momentum=0.9)},
    "smoothed labels": {"loss": lambda outputs, labels: functional.cross_entropy(outputs, labels, label_smoothing=0.1)},
    "a sum": {"loss": lambda outputs, labels: functional.cross_entropy(outputs, labels, reduction="sum"), "clip": 1.0},
    "log-likelihood": {
        "model": lambda: nn.Sequential(Net(), nn.LogSoftmax(-1)),
        "loss": functional.nll_loss,
    },
    "squared error, Adam": ADAM | {"loss": functional.mse_loss, "data": numbers},
    "ours": {"make": lambda params: steepest.Adam(params, 1e-2), "loss": functional.mse_loss, "data": numbers},
    "binary": ADAM
    | {"loss": lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs[:, 0], 1.0 * (labels > 0)),
       "model": lambda: nn.Sequential(Net(), nn.Linear(3, 1))},
    "probabilities": ADAM
    | {"loss": lambda outputs, labels: functional.binary_cross_entropy(outputs.sigmoid()[:, 0], (labels > 0).float()),
       "replays": False},
    "odds": ADAM
    | {"model": lambda: nn.Sequential(Net(), nn.Linear(3, 1), nn.Sigmoid()),
       "loss": lambda outputs, labels: functional.binary_cross_entropy(outputs[:, 0], (labels > 0).float())},
    "not zeroed": {"zero": False, "make": lambda params: torch.optim.SGD(params, 0.01)},
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_a_copy_that_is_left_alone_repeats_the_training(name, monkeypatch):
    """From the initial state, on the recorded batches in their order, all losses are those that were seen."""
    monkeypatch.setattr(arms, "DECAY", 0.0)
    way = dict(WAYS[name])
    replays = way.pop("replays", True)
    net, doctor = train(**way, steps=30)
    recording, record = doctor._observer.recording, doctor.record
    if not replays:
        assert not recording.batches and recording.incomplete == 30
        return
    batches = list(recording.batches)
    assert len(batches) == 30
    setup = left_alone(doctor._observer.target, recording, record, "start", batches[0])
    losses, _ = run(setup, batches, on_batches(batches[:1]), 30, 0)
    factor = 32 if name == "a sum" else 1  # what is compared is the mean
    assert torch.allclose(torch.tensor(losses) * factor, torch.tensor(record.losses), rtol=2e-3, atol=2e-4)
    for one, other in zip(net.parameters(), setup.model.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-2, atol=2e-3)


def test_accumulated_gradients_are_summed_as_in_the_training():
    _, doctor = train(sums=4, share=0.25, steps=12)
    setup = left_alone(doctor._observer.target, doctor._observer.recording, doctor.record, "start", None)
    assert setup.backwards == 4
    assert doctor._observer.recording.batches[0].scale == pytest.approx(0.25, rel=1e-3)


@pytest.mark.quick
def test_a_training_in_which_advice_was_tried_is_the_same_to_the_last_bit():
    def tried(doctor, step):
        if step == 25:
            assert [proof.verdict for proof in doctor.proofs] == []
            doctor.prove("zero_grad", pairs=4, steps=10)

    drop = {"model": lambda: Net(0.4), "zero": False, "make": lambda params: torch.optim.Adam(params, 1e-3)}
    draws = []
    nets = []
    for each in (lambda doctor, step: None, tried):
        random.seed(1)
        np.random.seed(1)
        net, doctor = train(**drop, each=each, validation=lambda: torch.rand(1) + random.random())
        nets.append(net)
        draws.append((torch.rand(1).item(), random.random(), np.random.rand()))
    assert len(doctor.proofs) == 1 and doctor.proofs[0].verdict != "untried"
    assert draws[0] == draws[1]
    for (key, value), other in zip(nets[0].state_dict().items(), nets[1].state_dict().values(), strict=True):
        assert torch.equal(value, other), key


def test_an_interruption_leaves_the_training_as_it_was():
    net, doctor = train(make=lambda params: torch.optim.SGD(params, 20.0))
    before, draws = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    modes = [module.training for module in net.modules()]

    def interrupt(made, total):
        if made == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doctor.prove("lr_high", tell=interrupt)
    assert doctor.proofs == [] and torch.equal(draws, torch.get_rng_state())
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in before.items())
    assert modes == [module.training for module in net.modules()]
    doctor.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_an_interruption_of_held_out_data_leaves_the_model_its_own_tensors():
    net = Net()
    other = copy.deepcopy(net)
    params = list(net.parameters())
    with pytest.raises(KeyboardInterrupt), standing_in(net, other.eval()):
        assert next(net.parameters()) is next(other.parameters()) and not net.body[1].training
        raise KeyboardInterrupt
    assert all(one is two for one, two in zip(net.parameters(), params, strict=True)) and net.body[1].training


def test_a_learning_rate_that_is_too_high_is_proved_to_be():
    _, doctor = train(make=lambda params: torch.optim.SGD(params, 50.0), steps=60)
    found = next(finding for finding in doctor.findings if finding.code == "lr_high")
    proof = doctor.prove(found, steps=50)
    assert proof.verdict == "proved" and doctor.proofs == [proof]
    start, now = proof.trials
    assert (start.start, start.step, now.start, now.step) == ("start", 0, "now", 60)
    assert start.verdict == "proved" and 0 < start.low <= start.gain <= start.high <= 1
    assert len(start.alone) == len(start.gains) == 5 and {len(losses) for losses in start.advised} == {50}
    assert proof.text().startswith("proved: with 0.") and proof.text("zh").startswith("已证实")


def _judged(doctor, code, **found):
    return prove(doctor._observer.patient, doctor.unseen, Diagnosis(code, found), None, None, 5, 50, None)


def test_harmful_advice_is_refuted_and_advice_without_an_effect_too():
    _, doctor = train(make=lambda params: torch.optim.SGD(params, 1.0), data=numbers, loss=functional.mse_loss)
    harmful = _judged(doctor, "lr_low")  # 3 to 100 times a learning rate of 1
    assert harmful.verdict == "refuted" and all(trial.gain < 0 for trial in harmful.trials)
    same = _judged(doctor, "eps_large")  # SGD has no eps
    assert same.verdict == "refuted" and all(trial.gain == 0 for trial in same.trials)


def test_training_mode_is_that_of_all_modules_also_where_the_model_leaves_some_out():
    class Kept(Net):
        def train(self, mode=True):
            super().train(mode)
            self.body[1].eval()
            return self

    model = Kept().train()
    (awake,) = REMEDIES["eval_mode"](Case({}, Record(), []))
    awake.change(SimpleNamespace(model=model))
    assert all(module.training for module in model.modules())


def test_advice_that_copies_cannot_follow_is_said_not_to_be_tried():
    _, doctor = train()
    assert _judged(doctor, "shape").numbers == {"untried": "by_hand"}
    assert _judged(doctor, "clip", kind="entries", entries=0.6, share=1.0).numbers == {"untried": "by_hand"}
    assert _judged(doctor, "softmax_twice", kind="softmax").numbers == {"untried": "module"}
    assert _judged(doctor, "dropout").trials[0].start == "start" and len(_judged(doctor, "dropout").trials) == 1
    with pytest.raises(InvalidValue, match="was not found in this training"):
        doctor.prove("shape")
    _, doctor = train(keep=0)
    assert doctor._observer.recording.size == 0
    assert _judged(doctor, "init_large").numbers["untried"] == "few_batches"
    _, doctor = train(loss=lambda outputs, labels: functional.cross_entropy(outputs, labels) + 0.1 * outputs.norm())
    assert _judged(doctor, "weight_decay", kind="decay", decay=1.0).numbers == {"untried": "loss"}
    net = Net()
    doctor = steepest.watch(net, torch.optim.LBFGS(net.parameters()))
    inputs, labels = next(classes())

    def closure():
        loss = functional.cross_entropy(net(inputs), labels)
        loss.backward()
        return loss

    for _ in range(8):
        doctor.step(doctor._observer.target.optimizers[0].step(closure))
    assert _judged(doctor, "lr_low").numbers == {"untried": "optimizer"}


def test_batches_of_ones_own_serve_a_loss_that_is_not_known():
    class Distance(nn.Module):
        def forward(self, outputs, targets):
            return (outputs - targets).abs().pow(1.5).mean()

    _, doctor = train(make=lambda params: torch.optim.SGD(params, 20.0), loss=Distance(), data=numbers)
    assert not doctor._observer.recording.batches
    found = next(finding for finding in doctor.findings if finding.code in ("lr_high", "nan"))
    assert doctor.prove(found).numbers == {"untried": "loss"}
    own = [batch for _, batch in zip(range(10), numbers(5), strict=False)]
    proof = doctor.prove(found, batches=own, loss=lambda model, batch: Distance()(model(batch[0]), batch[1]), pairs=4)
    assert proof.verdict == "proved", proof
    with pytest.raises(InvalidValue, match="pass both"):
        doctor.prove(found, batches=own)
    with pytest.raises(InvalidValue, match="pairs: must be"):
        doctor.prove(found, pairs=3)


def test_held_out_data_judges_the_copies_not_the_model():
    seen = []
    held = classes(9)
    inputs, labels = next(held)

    def asleep():
        return Net(0.5).eval()

    torch.manual_seed(3)
    net = asleep()
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)

    def validation():
        seen.append(net.body[0].weight.detach().clone())
        return functional.cross_entropy(net(inputs), labels)

    doctor = steepest.watch(net, optimizer, validation=validation)
    doctor._observer.schedule = EveryStep()
    for _, (images, wanted) in zip(range(40), classes(), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(images), wanted)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    seen.clear()
    proof = doctor.prove("eval_mode", pairs=4, steps=20)
    assert {trial.judged for trial in proof.trials} == {"validation"} and len(proof.trials) == 2
    assert len(seen) == 16 and not any(torch.equal(weight, net.body[0].weight) for weight in seen)
    assert not net.training


def test_the_recording_stays_within_its_bytes_and_drops_the_oldest():
    def checked(doctor, step):
        recording = doctor._observer.recording
        tensors = [tensor for batch in recording.batches for tensor in (*batch.args, *batch.kwargs.values())]
        held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        assert held < recording.size <= 20_000

    _, doctor = train(keep=20_000, each=checked)
    recording = doctor._observer.recording
    state = sum(value.numel() * value.element_size() for value in Net().state_dict().values())
    assert recording.initial is not None and recording.state_size == state
    assert 1 < len(recording.batches) < 40
    inputs = [pair[0] for _, pair in zip(range(40), classes(), strict=False)]
    assert torch.equal(recording.batches[-1].args[0], inputs[-1])
    _, doctor = train(keep=1_900)
    assert doctor._observer.recording.initial is None and doctor._observer.recording.batches


def test_hooks_of_the_user_do_not_see_the_copies():
    seen = []
    net, doctor = train(make=lambda params: torch.optim.SGD(params, 50.0), steps=60)
    net.body[0].register_forward_hook(lambda module, args, output: seen.append(output))
    assert doctor.prove("lr_high", pairs=4, steps=10).verdict != "untried" and not seen


def test_every_remedy_is_of_a_finding_and_has_a_sentence():
    assert REMEDIES.keys() <= DIAGNOSES["findings"].keys()
    files = Path(remedies.__file__).parent.glob("*.py")
    named = {name for file in files for name in re.findall(r'Remedy\("(\w+)"', file.read_text(encoding="utf-8"))}
    assert named == PROOFS["phrases"]["remedy"].keys()
    for phrase in PROOFS["phrases"]["remedy"]:
        assert PROOFS["phrases"]["remedy"][phrase].keys() == {"en", "zh"}
