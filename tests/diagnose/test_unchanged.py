"""Loops of every kind with the doctor and without: weights, buffers and random numbers are the same to the last bit."""

import copy
import io
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import steepest
from steepest.rules import RULES

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


class Nobody:
    """In place of a doctor."""

    def step(self, loss):
        pass


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def loop(watch, model, optimizer=None, call=None, steps=24, each=lambda step: None):
    """An ordinary loop; `call` calls the model, `each` does something before each step."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for step in range(steps):
        each(step)
        optimizer.zero_grad()
        loss = functional.cross_entropy((call or model)(INPUTS), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, doctor


class Keeping(nn.Module):
    """A linear layer with a state outside of torch's: `change` is called with it and the inputs at each pass."""

    def __init__(self, change, state):
        super().__init__()
        self.layer, self.change, self.state = nn.Linear(4, 2), change, state

    def forward(self, inputs):
        return self.layer(inputs + self.change(self.state, inputs))


class Count:
    """An object of the user's, with a number and a tensor that is changed in place."""

    def __init__(self):
        self.calls, self.sum = 0, torch.zeros(4)


def counted(count, inputs):
    count.calls += 1
    count.sum += inputs.mean(0)
    return 0.01 * count.calls + count.sum


def nothing(watch):
    return loop(watch, network())


def user_hook(watch):
    model, seen = network(), []
    model.register_buffer("seen", torch.zeros(()))
    model[0].register_forward_hook(lambda module, given, output: seen.append(1))
    loop(watch, model, each=lambda step: model.seen.fill_(len(seen)))
    return loop(watch, model)


def torch_hooks(watch):
    model = network()
    nn.utils.parametrizations.weight_norm(model[0])
    nn.utils.spectral_norm(model[4])
    return loop(watch, model)


def gradient_hooks(watch):
    model = network()
    model[0].weight.register_hook(lambda gradient: 2 * gradient)
    model[4].register_full_backward_hook(lambda module, given, made: (0.5 * given[0],))
    return loop(watch, model)


def own_object(watch):
    return loop(watch, Keeping(counted, Count()))


def own_generator(watch):
    drawn = Keeping(lambda generator, inputs: torch.randn(inputs.shape, generator=generator), torch.Generator())
    return loop(watch, drawn)


def generator_of_numpy(watch):
    return loop(watch, Keeping(lambda own, inputs: float(own.normal()), np.random.default_rng(5)))


def closure(watch):
    calls = [0]

    def change(state, inputs):
        calls[0] += 1
        return 0.01 * calls[0]

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, inputs):
            calls[0] += 1
            return self.layer(inputs * (1 + 0.01 * calls[0]))

    return loop(watch, Counting())


def inputs_in_place(watch):
    model, inputs = network(), INPUTS.clone()
    model.register_buffer("inputs", inputs)
    return loop(watch, model, call=lambda given: model(inputs.add_(0.1)))


def changes_its_inputs(watch):
    inputs = INPUTS.clone()
    return loop(watch, Keeping(lambda state, given: given.add_(0.1), None), call=lambda given: None, steps=0) and loop(
        watch, model := Keeping(lambda state, given: given.add_(0.1), None), call=lambda given: model(inputs)
    )


def iterator(watch):
    batches = iter([INPUTS] * 99)
    model = Keeping(lambda state, given: 0, None)
    return loop(watch, model, call=lambda given: model(next(batches)))


def output_in_place(watch):
    model = network()
    return loop(watch, model, call=lambda given: model(given).mul_(0.5))


def checkpointed(watch):
    model = network()
    return loop(watch, model, call=lambda given: checkpoint(model, given, use_reentrant=False))


def checkpointed_by_entering_anew(watch):
    model = network()
    return loop(watch, model, call=lambda given: checkpoint(model, given.clone().requires_grad_(), use_reentrant=True))


def over_examples(watch):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    return loop(watch, model, call=lambda given: torch.vmap(model)(given))


def functional_call(watch):
    model = network()
    return loop(
        watch, model, call=lambda given: torch.func.functional_call(model, dict(model.named_parameters()), given)
    )


def evaluated_with_gradients(watch):
    model = network()

    def evaluate(step):
        model.eval()
        model(INPUTS[:9])
        model.train()

    return loop(watch, model, each=evaluate)


def frozen_and_thawed(watch):
    model = network()
    return loop(watch, model, each=lambda step: model[0].requires_grad_(step not in (8, 9, 10)))


def group_added(watch):
    model = network()
    optimizer = torch.optim.Adam(model[4].parameters(), 0.01)
    first = [*model[0].parameters(), *model[1].parameters()]

    def add(step):
        if step == 10:
            optimizer.add_param_group({"params": first, "lr": 1e-3})

    for param in first:
        param.requires_grad_(False)
    return loop(watch, model, optimizer, each=lambda step: [add(step), [p.requires_grad_(step > 9) for p in first]])


def layer_replaced(watch):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def replace(step):
        if step == 10:
            model[4] = nn.Linear(8, 2)
            optimizer.add_param_group({"params": model[4].parameters()})

    return loop(watch, model, optimizer, each=replace)


def copied_and_saved(watch):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)

    def save(step):
        if step in (2, 9):
            copied = copy.deepcopy((model, optimizer))
            functional.cross_entropy(copied[0](INPUTS), LABELS).backward()
            copied[1].step()
            torch.save(model, buffer := io.BytesIO())
            buffer.seek(0)
            torch.load(buffer, weights_only=False)(INPUTS)

    return loop(watch, model, optimizer, each=save)


def scheduled(watch):
    model = network()
    optimizer = torch.optim.SGD(
        [{"params": model[:2].parameters()}, {"params": model[4].parameters(), "lr": 0.01}], 0.1
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 24)
    return loop(watch, model, optimizer, each=lambda step: step and scheduler.step())


def in_a_hook_of_the_optimizer(watch):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    losses = []
    optimizer.register_step_post_hook(lambda *given: doctor.step(losses[-1]))
    optimizer.register_step_post_hook(lambda *given: None)
    for _ in range(24):
        optimizer.zero_grad()
        losses.append(functional.cross_entropy(model(INPUTS), LABELS))
        losses[-1].backward()
        optimizer.step()
    return model, doctor


def by_a_closure(watch):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = watch(model, optimizer)

    def evaluate():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        return loss

    for _ in range(24):
        doctor.step(optimizer.step(evaluate))
    return model, doctor


def several_from_a_generator(watch):
    model = network()
    optimizers = [torch.optim.SGD(part.parameters(), 0.1) for part in (model[:2], model[4])]
    doctor = watch(model, (optimizer for optimizer in optimizers))
    for _ in range(24):
        model.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        doctor.step(loss)
    return model, doctor


def parametrized(watch):
    """Weights that are computed whenever they are asked for; asking moves a spectral norm on."""
    model = network()
    nn.utils.parametrizations.spectral_norm(model[0])
    nn.utils.parametrizations.orthogonal(model[4])
    return loop(watch, model)


def scripted(watch):
    return loop(watch, torch.jit.script(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))))


def replaced(watch):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for step in range(40):
        if step == 6:
            model = network()
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, doctor


def vector_of_losses(watch):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(24):
        optimizer.zero_grad()
        losses = functional.cross_entropy(model(INPUTS), LABELS, reduction="none")
        losses.backward(torch.full((64,), 1 / 64))
        optimizer.step()
        doctor.step(losses)
    return model, doctor


UNSEEN = {
    nothing: [], torch_hooks: [], gradient_hooks: [], own_object: [], closure: [], inputs_in_place: [],
    checkpointed: [], functional_call: [], evaluated_with_gradients: [], frozen_and_thawed: [], group_added: [],
    layer_replaced: [], copied_and_saved: [], scheduled: [], in_a_hook_of_the_optimizer: [], by_a_closure: [],
    several_from_a_generator: [], vector_of_losses: [], parametrized: [],
    user_hook: ["unseen_repeat"], own_generator: ["unseen_repeat"], generator_of_numpy: ["unseen_repeat"],
    changes_its_inputs: ["unseen_repeat"], iterator: [], output_in_place: ["unseen_loss"],
    checkpointed_by_entering_anew: ["unseen_model"], over_examples: ["unseen_model"], scripted: ["unseen_model"],
    replaced: ["unseen_idle"],
}  # fmt: skip
"""What the doctor cannot see in each of these loops."""


def state(run, watch):
    torch.manual_seed(3)
    model, doctor = run(watch)
    return {name: value.clone() for name, value in model.state_dict().items()} | {"drawn": torch.rand(1)}, doctor


def watched(model, optimizer):
    return steepest.watch(model, optimizer, budget=1.0)


@pytest.mark.filterwarnings("ignore")  # torch's own, such as about scripting and older hooks
@pytest.mark.parametrize("run", UNSEEN, ids=lambda run: run.__name__)
def test_a_loop_is_the_same_and_what_cannot_be_seen_in_it_is_said(run):
    plain, _ = state(run, lambda model, optimizer: Nobody())
    seen, doctor = state(run, watched)
    assert plain.keys() == seen.keys() and all(torch.equal(plain[name], seen[name]) for name in plain)
    assert [finding.code for finding in doctor.unseen] == UNSEEN[run], doctor.text()
    assert len(doctor.record.ticks) >= 6
    assert not any(finding.certain for finding in doctor.findings), doctor.text()
    if not UNSEEN[run] and run not in (vector_of_losses,):
        gains = [tick.gain for tick in doctor.record.ticks]
        assert sum(gain == gain for gain in gains) >= 6, gains


OURS = [name for name, rule in RULES.items() if not getattr(rule, "closure", False)]
TORCHS = [
    name
    for name in ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
    if hasattr(torch.optim, name)
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TORCHS)
def test_all_optimizers_of_torch(name):
    def run(watch):
        model = network()
        return loop(watch, model, getattr(torch.optim, name)(model.parameters(), lr=1e-2), steps=10)

    assert_same(run)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OURS)
def test_all_optimizers_of_ours(name):
    def run(watch):
        model, rule = network(), RULES[name]
        if rule.least_axes > 1:  # for matrices only
            model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 2, bias=False))
        return loop(watch, model, getattr(steepest, rule.__name__)(model.parameters()), steps=10)

    assert_same(run)


def assert_same(run):
    plain, _ = state(run, lambda model, optimizer: Nobody())
    seen, doctor = state(run, watched)
    assert all(torch.equal(plain[name], seen[name]) for name in plain)
    assert doctor.unseen == [] and all(tick.update is not None for tick in doctor.record.ticks)


def test_two_trainings_in_two_threads_have_a_doctor_each():
    def run(watch):
        made = [None, None]
        models = [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)) for _ in made]

        def train(place):
            made[place] = loop(watch, models[place])

        threads = [threading.Thread(target=train, args=(place,)) for place in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return nn.ModuleList(models), made[0][1]

    assert_same(run)


def test_a_key_that_interrupts_a_hook_reaches_the_user_and_training_can_go_on(monkeypatch):
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watched(model, optimizer)

    def interrupted(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("steepest.diagnose.sensors.Before", interrupted)
        loop(lambda *given: doctor, model, optimizer)
    loop(lambda *given: doctor, model, optimizer)
    doctor.close()
    doctor.close()
    assert doctor.unseen == [] and not any(module._forward_pre_hooks for module in model.modules())


def test_two_doctors_at_once_and_one_within_the_other():
    def run(watch):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        first, second = watch(model, optimizer), watch(model, optimizer)

        class Both:
            def step(self, loss):
                first.step(loss)
                second.step(loss)

        return loop(lambda *given: Both(), model, optimizer)[0], first

    assert_same(run)
