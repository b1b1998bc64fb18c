"""Ctrl-C in the midst of the doctor's own code: it reaches the user, and the training goes on as if there was none."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
import steepest.diagnose
from steepest.diagnose.proof.arms import standing_in
from steepest.diagnose.replay import put_back

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()

OWN = Path(steepest.diagnose.__file__).parent

ENDING = {"restore", "disarm", "_unhook", "_renew", "release"}
"""Functions that put something back, of which a part left undone would stay."""


class Interrupts:
    """Within it, the line of this number of those of the doctor is interrupted, and lines are counted."""

    def __init__(self, functions, number):
        self.functions, self.number, self.lines = functions, number, 0

    def __enter__(self):
        sys.settrace(self.called)
        return self

    def __exit__(self, *given):
        sys.settrace(None)

    def called(self, frame, event, value):
        file = Path(frame.f_code.co_filename)
        # a trace comes between the last line of a `with` and its exit, where no signal does: locks would stay locked
        inside = OWN in file.parents and file.name not in ("sampled.py", "roots.py")
        return self.line if inside and (self.functions is None or frame.f_code.co_name in self.functions) else None

    def line(self, frame, event, value):
        if event == "line":
            self.lines += 1
            if self.lines == self.number:
                raise KeyboardInterrupt
        return self.line


def hooks_of(model, optimizer):
    modules = [hook for module in model.modules() for hook in (*module._forward_hooks, *module._forward_pre_hooks)]
    params = [hook for param in model.parameters() for hook in param._backward_hooks or {}]
    return [*modules, *params, *optimizer._optimizer_step_pre_hooks, *optimizer._optimizer_step_post_hooks]


def trained(functions, number):
    """A training whose loop is run again where it was interrupted, as the cell of a notebook is."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    buffers = [*model.buffers()]
    doctor = steepest.watch(model, optimizer, budget=1.0)
    steps = interrupted = 0
    with Interrupts(functions, number) as interrupts:
        while steps < 9:
            kept = copy.deepcopy((model.state_dict(), optimizer.state_dict(), torch.get_rng_state()))
            stepped = False
            try:
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(INPUTS), LABELS)
                loss.backward()
                optimizer.step()
                stepped = True
                doctor.step(loss)
            except KeyboardInterrupt:
                interrupted += 1
                if not stepped:
                    model.load_state_dict(kept[0])
                    optimizer.load_state_dict(kept[1])
                    torch.set_rng_state(kept[2])
                    continue
            steps += 1
    doctor.close()
    assert doctor.unseen == [] and doctor.findings == [] and hooks_of(model, optimizer) == []
    assert all(one is other for one, other in zip(buffers, model.buffers(), strict=True))
    state = [*(value.double() for value in model.state_dict().values()), torch.get_rng_state()]
    return state, interrupts.lines, interrupted


@pytest.mark.parametrize(("functions", "cases"), [(ENDING, 150), (None, 60)], ids=["ends", "anywhere"])
def test_the_training_is_the_same_wherever_it_is_interrupted(functions, cases):
    plain, lines, _ = trained(functions, 0)
    for number in range(1, lines, max(1, lines // cases)):
        state, _, interrupted = trained(functions, number)
        assert interrupted == 1, number
        assert all(torch.equal(one, other) for one, other in zip(plain, state, strict=True)), number


def test_the_model_gets_its_own_parameters_back_from_a_trial_that_is_interrupted():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    own = [*model.parameters(), *model.buffers()]
    for number in range(1, 12):
        with (
            pytest.raises(KeyboardInterrupt),
            Interrupts({"restore"}, number),
            standing_in(model, copy.deepcopy(model)),
        ):
            pass
        assert all(one is other for one, other in zip(own, [*model.parameters(), *model.buffers()], strict=True))


def test_what_is_put_back_runs_to_its_end():
    done = []

    def interrupted():
        done.append("first")
        if len(done) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_back(interrupted, lambda: done.append("second"))
    assert done == ["first", "first", "second"]
