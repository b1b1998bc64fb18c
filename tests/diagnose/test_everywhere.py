"""Averages of weights in code that does not know of the doctor."""

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
