"""What a doctor keeps alive: between steps numbers and copies within a stated number of bytes, and nothing else."""

import gc
import math
import tracemalloc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.curve import Curve
from steepest.diagnose.everywhere import everywhere
from steepest.diagnose.leak import MOST, Rows
from steepest.diagnose.record import (
    MOST_LAYERS,
    MOST_TICKS,
    MOST_VALIDATIONS,
    LayerFacts,
    LossFacts,
    Record,
    StepFacts,
    Tick,
)


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def batch():
    inputs = torch.randn(16, 4)
    return inputs, (inputs[:, 0] > 0).long()


class Token:
    """What lives as long as a node of a graph, to which there are no weak references."""


class Alive:
    """Weak references to what a step made, by name."""

    def __init__(self):
        self.references = []

    def note(self, **tensors):
        for name, tensor in tensors.items():
            self.references.append((name, weakref.ref(tensor)))
            if tensor.grad_fn is not None:
                tensor.grad_fn.metadata["token"] = token = Token()
                self.references.append((f"graph of {name}", weakref.ref(token)))

    def names(self):
        return [name for name, reference in self.references if reference() is not None]


def ordinary(model, optimizer, alive, doctor):
    inputs, labels = batch()
    outputs = model(inputs)
    loss = functional.cross_entropy(outputs, labels)
    loss.backward()
    optimizer.step()
    alive.note(inputs=inputs, labels=labels, outputs=outputs, loss=loss, gradient=model[0].weight.grad)
    doctor.step(loss)
    optimizer.zero_grad()


def many_calls(model, optimizer, alive, doctor):
    """More calls of the model than are kept of a step, and backward passes of some."""
    for place in range(7):
        inputs, labels = batch()
        loss = functional.cross_entropy(model(inputs), labels)
        if place % 2:
            loss.backward()
        alive.note(inputs=inputs, loss=loss)
    optimizer.step()
    alive.note(gradient=model[0].weight.grad)
    doctor.step(loss)
    optimizer.zero_grad()


def by_a_closure(model, optimizer, alive, doctor):
    inputs, labels = batch()

    def evaluate():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), labels)
        loss.backward()
        alive.note(inputs=inputs, gradient=model[0].weight.grad)
        return loss

    doctor.step(optimizer.step(evaluate).detach())
    optimizer.zero_grad()


def broken_off(model, optimizer, alive, doctor):
    """Each other batch is thrown away after the forward pass, as after an error of its own; the next step follows."""
    inputs, labels = batch()
    alive.note(inputs=inputs, outputs=model(inputs))
    del inputs, labels
    ordinary(model, optimizer, alive, doctor)


@pytest.mark.quick
@pytest.mark.parametrize("keep", [0, 2**29])
@pytest.mark.parametrize("make", [ordinary, many_calls, by_a_closure, broken_off], ids=lambda make: make.__name__)
def test_nothing_of_a_step_outlives_it(make, keep):
    """Neither batch, graph, outputs nor gradients, even without the garbage collector."""
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    doctor = steepest.watch(model, optimizer, budget=1.0, keep=keep)
    gc.disable()
    try:
        for step in range(10):
            alive = Alive()
            make(model, optimizer, alive, doctor)
            assert alive.references and alive.names() == [], step
    finally:
        gc.enable()
    assert len(doctor.record.ticks) >= 6 and "unseen_error" not in [finding.code for finding in doctor.unseen]


def test_between_a_forward_pass_and_the_step_only_the_last_calls_are_kept():
    model = network()
    doctor = steepest.watch(model, torch.optim.SGD(model.parameters(), 0.1))
    alive = [Alive() for _ in range(6)]
    for each in alive:
        inputs, _ = batch()
        each.note(inputs=inputs, outputs=model(inputs))
        del inputs
    assert [each.names() for each in alive[:2]] == [[], []]
    assert all("outputs" in each.names() for each in alive[2:])
    doctor.close()
    assert [each.names() for each in alive] == [[]] * 6


def tensors_of(doctor, but):
    """All tensors that a doctor refers to, through anything that is no module, type or function of a module."""
    known, waiting, found = {id(each) for each in but}, [doctor], []
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            if (
                id(each) in known
                or isinstance(each, type | nn.Module | torch.optim.Optimizer)
                or hasattr(each, "__spec__")
            ):
                continue
            known.add(id(each))
            if isinstance(each, torch.Tensor):
                found.append(each)
            elif not (isinstance(each, dict) and "__builtins__" in each):
                waiting.append(each)
    return found


@pytest.mark.parametrize("keep", [0, 20_000])
def test_what_a_doctor_keeps_is_within_its_bytes(keep):
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer, budget=1.0, keep=keep)
    for _ in range(60):
        ordinary(model, optimizer, Alive(), doctor)
    found = tensors_of(doctor, [*model.parameters(), *model.buffers()])
    own = sum(tensor.untyped_storage().nbytes() for tensor in found)
    views = model[0].bias.untyped_storage().nbytes()  # the memory of a small parameter, whose sum is looked at
    assert own <= keep + 2 * views + 64, [tuple(tensor.shape) for tensor in found]
    assert (own > 4 * views) == bool(keep)
    assert tensors_of(doctor.record, []) == []


def test_a_doctor_and_its_model_can_be_dropped():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(3):
            ordinary(model, optimizer, Alive(), doctor)
    gone = weakref.ref(doctor), weakref.ref(model)
    del doctor, model, optimizer
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_watching_everywhere_keeps_the_last_graph_only_and_none_at_its_end():
    model, alive = network(), [Alive() for _ in range(6)]
    with everywhere() as seen:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for each in alive:
            inputs, labels = batch()
            loss = functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            each.note(inputs=inputs, loss=loss)
            optimizer.zero_grad()
            del inputs, labels, loss
        assert [each.names() for each in alive] == [[]] * 6
        functional.cross_entropy(model(torch.ones(4, 4)), torch.zeros(4, dtype=torch.long)).backward()
    assert len(seen.doctor.record.ticks) >= 4


# --- numbers ----------------------------------------------------------------------------------------------------------


def bytes_of(make):
    """The bytes that stay allocated for what a function returns."""
    tracemalloc.start()
    try:
        made = make()
        return tracemalloc.get_traced_memory()[0], made
    finally:
        tracemalloc.stop()


def long_record(layers, classes):
    """A record of more observed steps than are kept, whose numbers are all different objects."""
    record = Record(losses=Curve())
    for step in range(MOST_TICKS + 40):
        facts = [
            LayerFacts(f"{layer}", 1, *(math.sqrt(step + layer + part) for part in range(4))) for layer in range(layers)
        ]
        loss = LossFacts("cross_entropy", 1.0, 1.0, {1000 + label: 300 + label for label in range(classes)})
        record.observe(Tick(40 * step, 32, 1, [], loss, StepFacts(facts), 0.9))
        record.validated(40 * step, math.sqrt(step))
    return record


@pytest.mark.parametrize(("layers", "classes"), [(150, 10), (10, 400), (700, 10)])
def test_a_record_takes_no_more_than_is_said(layers, classes):
    size, record = bytes_of(lambda: long_record(layers, classes))
    assert size <= 32 * 2**20 and (layers + classes) * len(record.ticks) <= MOST_LAYERS
    assert len(record.validation) == MOST_VALIDATIONS


def test_losses_on_held_out_data_keep_the_least_and_the_last():
    record = Record()
    for step in range(5000):
        record.validated(10 * step, 1.0 - 0.5 * (step == 1777) + 0.001 * step / 5000)
    steps = [step for step, _ in record.validation]
    assert len(steps) == MOST_VALIDATIONS and steps == sorted(steps) and steps[-1] == 49_990
    assert min(record.validation, key=lambda pair: pair[1])[0] == 17_770


def test_checksums_of_rows_take_no_more_than_is_said():
    def checked():
        rows = Rows()
        for place in range(40):
            rows.trained(torch.randn(4096, 4, generator=torch.Generator().manual_seed(place)))
        return rows

    size, rows = bytes_of(checked)
    assert MOST <= len(rows.train) < MOST + 4096 and size <= 8 * 2**20
