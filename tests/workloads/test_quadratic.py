"""The noisy quadratic as a workload: its settings as text, its start, its noise, and what it refuses."""

import numpy as np
import pytest
import torch

from steepest.base.errors import InvalidValue, UnknownName
from steepest.workloads import find


def start_of(workload, seed: int) -> torch.Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return workload.model().weight.detach().flatten()


def gradient(workload, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    weight = weight.clone().requires_grad_()
    return torch.autograd.grad(workload.loss(weight.expand(len(targets), -1), targets), weight)[0]


@pytest.mark.parametrize(
    ("text", "curvatures"),
    [
        ("quadratic(condition=100, dims=3)", [10, 1, 0.1]), ("quadratic(condition=1, dims=2)", [10, 10]),
        ("quadratic(4, 1)", [10]), ("quadratic(spectrum=(1, 4, 2.5))", [4, 2.5, 1]),
        ("quadratic(spectrum=[7])", [7]),
    ],
)  # fmt: skip
def test_curvatures_are_the_chosen_ones(text, curvatures):
    assert find(text).curvatures == pytest.approx(curvatures, rel=1e-12)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("quadratic", "quadratic"), ("quadratic()", "quadratic"), ("quadratic(condition=100)", "quadratic"),
        ("quadratic(condition=1e3, noise=0.5)", "quadratic(condition=1000.0, noise=0.5)"),
        (" quadratic(spectrum=(4, 1))", "quadratic(spectrum=(4, 1))"),
    ],
)  # fmt: skip
def test_a_name_says_what_is_not_the_default_and_is_read_back_as_the_same(text, name):
    workload = find(text)
    assert workload.name == name
    assert find(name).curvatures == workload.curvatures
    assert find(name) is find(name)  # data are made once


def test_each_direction_starts_with_the_same_share_of_a_loss_of_1():
    workload = find("quadratic(condition=1000, dims=8)")
    _, _, inputs, targets = workload.data()
    for seed in range(5):
        weight = start_of(workload, seed)
        shares = 0.5 * torch.tensor(workload.curvatures) * weight**2
        np.testing.assert_allclose(shares, 1 / 8, rtol=1e-6)
        assert float(workload.loss(weight[None], targets)) == pytest.approx(1, rel=1e-6)
    assert len(inputs) == 1


def test_the_signs_of_the_start_are_fair_coins_that_batches_know_nothing_of():
    """A generator with the run's seed draws the batches; the signs must not follow from its first numbers."""
    workload = find("quadratic(dims=4)")
    _, targets, *_ = workload.data()
    seeds = range(3000)
    signs = torch.stack([start_of(workload, seed).sign() for seed in seeds])
    orders = (torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed)) for seed in seeds)
    first = torch.stack([targets[order[:10]].mean(dim=0) for order in orders])
    bound = 4.5 / len(seeds) ** 0.5
    assert float(signs.mean(dim=0).abs().max()) < bound
    assert float((signs.T @ signs / len(seeds) - torch.eye(4)).abs().max()) < bound
    assert float((signs.T @ (first / first.std(dim=0)) / len(seeds)).abs().max()) < bound


def test_the_noise_of_a_gradient_is_the_hessian_times_its_variance():
    workload = find("quadratic(spectrum=(8, 2, 0.5), noise=3)")
    _, targets, *_ = workload.data()
    weight = torch.zeros(1, 3)
    each = torch.stack([gradient(workload, weight, row[None])[0] for row in targets[:2000]])
    spread = each.double().var(dim=0) / torch.tensor([8.0, 2.0, 0.5]) / 9
    np.testing.assert_allclose(spread, 1, atol=4.5 * (2 / 2000) ** 0.5)
    assert float(gradient(workload, weight, targets).abs().max()) < 1e-5  # the mean of all examples is 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quadratic(cond=3)", "'quadratic(cond=3)': quadratic takes condition, dims, noise, spectrum"),
        ("quadratic(1, 2, 3, (1,), 5)", "quadratic takes condition, dims, noise, spectrum"),
        ("quadratic(condition=0.5)", "condition must be a finite number from 1, got 0.5"),
        ("quadratic(condition='a')", "condition must be a finite number from 1, got 'a'"),
        ("quadratic(condition=1e999)", "condition must be a finite number from 1, got inf"),
        ("quadratic(dims=0)", "dims must be a whole number from 1, got 0"),
        ("quadratic(dims=2.0)", "dims must be a whole number from 1, got 2.0"),
        ("quadratic(noise=-1)", "noise must be a finite number from 0, got -1"),
        ("quadratic(noise=True)", "noise must be a finite number from 0, got True"),
        ("quadratic(spectrum=())", "spectrum must be finite numbers above 0, such as (10, 1, 0.1); got ()"),
        ("quadratic(spectrum=(1, -1))", "spectrum must be finite numbers above 0"),
        ("quadratic(spectrum='12')", "spectrum must be finite numbers above 0"),
        ("quadratic(spectrum=3)", "spectrum must be finite numbers above 0"),
        ("quadratic(spectrum=(1, 2), dims=2)", "give either a spectrum, or condition and dims"),
        ("quadratic(dims=", "cannot read 'quadratic(dims='"),
        ("digits(classes=3)", "'digits(classes=3)': digits takes no settings"),
    ],
)
def test_a_wrong_setting_is_said_in_one_line(text, message):
    with pytest.raises(InvalidValue) as error:
        find(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_family_is_told_the_right_one():
    with pytest.raises(UnknownName, match="unknown workload 'quadratc'; did you mean 'quadratic'"):
        find("quadratc(condition=3)")
