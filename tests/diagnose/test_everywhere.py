"""Code that does not know of the doctor: which model is watched, and averages of weights."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from steepest.diagnose.everywhere import everywhere

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def trained(model, averaged_at, updates):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    averaged = None
    for step in range(12):
        if step == averaged_at:
            averaged = AveragedModel(model)
        optimizer.zero_grad()
        functional.cross_entropy(model(INPUTS), LABELS).backward()
        optimizer.step()
        if updates and averaged is not None:
            averaged.update_parameters(model)
    return averaged


@pytest.mark.parametrize("averaged_at", [0, 5])
@pytest.mark.parametrize("updates", [True, False])
def test_an_average_that_is_never_updated_is_found(averaged_at, updates):
    torch.manual_seed(0)
    make = AveragedModel.__init__
    with everywhere() as seen:
        averaged = trained(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), averaged_at, updates)
    assert [finding.code for finding in seen.doctor.findings] == ([] if updates else ["average"])
    assert AveragedModel.__init__ is make and int(averaged.n_averaged) == (12 - averaged_at) * updates


def test_the_average_of_another_model_is_not_followed():
    torch.manual_seed(0)
    with everywhere() as seen:
        other = AveragedModel(nn.Linear(3, 3))
        trained(nn.Linear(4, 2), None, False)
    assert seen.doctor.findings == [] and int(other.n_averaged) == 0


@pytest.mark.parametrize("trained", [False, True])
def test_a_teacher_that_is_called_first_is_not_taken_for_the_model(trained):
    torch.manual_seed(0)
    teacher, student = nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 2), nn.Softmax(-1))
    with everywhere() as seen:
        optimizer = torch.optim.SGD(student.parameters(), 0.1)
        for _ in range(6):
            optimizer.zero_grad()
            targets = teacher(INPUTS).softmax(-1)
            loss = functional.cross_entropy(student(INPUTS), targets if trained else targets.argmax(-1))
            loss.backward()
            optimizer.step()
    assert "softmax_twice" in [finding.code for finding in seen.doctor.findings]
    assert seen.doctor.origin.model == "Sequential" and not seen.doctor.unseen and not teacher._forward_pre_hooks


def test_steps_of_optimizers_that_are_not_watched_are_said_to_be_unseen():
    torch.manual_seed(0)
    with everywhere() as seen:
        for _ in range(3):  # as one tries several seeds
            trained(nn.Linear(4, 2), None, False)
    assert seen.doctor.record.steps == 12
    assert [(finding.code, finding.numbers["steps"]) for finding in seen.doctor.unseen] == [("unseen_others", 24)]


def test_a_step_is_that_of_the_optimizer_that_was_made_last():
    torch.manual_seed(0)
    with everywhere() as seen:
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        optimizers = [torch.optim.SGD(part.parameters(), 0.1) for part in (model[0], model[2])]
        for _ in range(6):
            model.zero_grad()
            functional.cross_entropy(model(INPUTS), LABELS).backward()
            for optimizer in optimizers:
                optimizer.step()
    assert seen.doctor.record.steps == 6
    assert all(len(tick.update.layers) == 4 for tick in seen.doctor.record.ticks)


def test_steps_whose_closure_runs_the_model_are_seen():
    """As Lightning steps every optimizer."""
    torch.manual_seed(0)
    with everywhere() as seen:
        model = nn.Sequential(nn.Linear(4, 2), nn.Softmax(-1))
        optimizer = torch.optim.Adam(model.parameters(), 0.01)

        def closure():
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            loss.backward()
            return loss

        for _ in range(8):
            optimizer.step(closure)
    assert [finding.code for finding in seen.doctor.findings] == ["softmax_twice"] and not seen.doctor.unseen
    assert [tick.step for tick in seen.doctor.record.ticks if tick.update is not None] == [1, 2, 3, 5]


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def checkpointed():
    """A part of the model is differentiated in a backward pass of its own, within that of the loss."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = network()[:2], nn.Linear(16, 3)

        def forward(self, inputs):
            return self.head(torch.utils.checkpoint.checkpoint(self.body, inputs, use_reentrant=True))

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(12):
        optimizer.zero_grad()
        functional.cross_entropy(model(INPUTS.clone().requires_grad_()), LABELS).backward()
        optimizer.step()


def in_two_passes():
    """The loss is differentiated first, then a penalty of the same outputs that grows from almost nothing."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(40):
        optimizer.zero_grad()
        outputs = model(INPUTS)
        functional.cross_entropy(outputs, LABELS).backward(retain_graph=True)
        (1e-3 * outputs.square().mean()).backward()
        optimizer.step()


def in_the_backward_pass():
    """Each parameter is stepped as soon as its gradient is there, the last layer first."""
    model = network()
    optimizers = {param: torch.optim.SGD([param], 0.1) for param in reversed([*model.parameters()])}

    def step(param):
        optimizers[param].step()
        optimizers[param].zero_grad()

    for param in model.parameters():
        param.register_post_accumulate_grad_hook(step)
    for _ in range(12):
        functional.cross_entropy(model(INPUTS), LABELS).backward()


@pytest.mark.parametrize("loop", [checkpointed, in_two_passes, in_the_backward_pass], ids=lambda loop: loop.__name__)
def test_the_loss_of_a_step_and_its_end_are_found(loop):
    with everywhere(budget=1.0) as seen:
        loop()
    doctor = seen.doctor
    assert doctor.findings == [] and doctor.unseen == []
    assert {tick.backwards for tick in doctor.record.ticks} == {1}
    assert all(0.85 < tick.gain < 1.05 and tick.loss.labels for tick in doctor.record.ticks)
    assert 1.0 < doctor.record.losses[0] < 1.3


def test_a_model_that_runs_within_transformations_is_watched_from_outside():
    model = network()
    with everywhere() as seen:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(12):
            params = {name: param.detach() for name, param in model.named_parameters()}

            def loss_of(params):
                return functional.cross_entropy(torch.func.functional_call(model, params, (INPUTS,)), LABELS)

            slopes = torch.func.grad(loss_of)(params)
            for name, param in model.named_parameters():
                param.grad = slopes[name]
            optimizer.step()
    assert [finding.code for finding in seen.doctor.unseen] == ["unseen_number", "unseen_model"]
    assert seen.doctor.findings == [] and seen.doctor.record.steps == 11
    assert len(seen.doctor.record.ticks[0].update.layers) == 4
