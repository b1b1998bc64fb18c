"""QK-Clip: logits that are too large are brought to the threshold, head by head, and no others are changed."""

import math

import pytest
import torch
from torch import nn

import steepest
from steepest.base.errors import InvalidValue

pytestmark = pytest.mark.quick

HEADS, WIDTH = 4, 16


@pytest.fixture(autouse=True)
def local_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def layers(key_heads=HEADS, bias=False):
    key = nn.Linear(WIDTH, WIDTH * key_heads // HEADS, bias=bias)
    return nn.Linear(WIDTH, WIDTH, bias=bias), key


@torch.no_grad()
def logits(query, key, x, key_heads=HEADS):
    """Of all heads, by hand: (batch, heads, from, to)."""
    q = query(x).unflatten(-1, (HEADS, -1))
    k = key(x).unflatten(-1, (key_heads, -1)).repeat_interleave(HEADS // key_heads, 2)
    return torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(WIDTH // HEADS)


def step(query, key, x, clip=None, **settings):
    """A forward pass and a step that moves nothing itself."""
    optimizer = steepest.SGD([*query.parameters(), *key.parameters()], lr=0.0)
    clip = steepest.QKClip(optimizer, **settings).watch(
        query, key, HEADS, key_heads=key.weight.shape[0] * HEADS // WIDTH
    )
    (query(x).sum() + key(x).sum()).backward()
    optimizer.step()
    return clip


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 0.0])
def test_the_largest_logit_of_each_head_comes_down_to_the_threshold(bias, alpha):
    query, key = layers(bias=bias)
    with torch.no_grad():
        query.weight[:4] *= 30  # the first head alone is too large
    x = torch.randn(3, 5, WIDTH)
    before = logits(query, key, x)
    threshold = 1.5 * float(before[:, 1:].max())
    assert float(before[:, 0].max()) > 1.5 * threshold
    weights = [param.detach().clone() for param in (query.weight, key.weight)]
    step(query, key, x, threshold=threshold, alpha=alpha)
    after = logits(query, key, x)
    assert float(after[:, 0].max()) == pytest.approx(threshold, rel=1e-5)
    assert torch.equal(after[:, 1:], before[:, 1:])
    torch.testing.assert_close(after[:, 0], before[:, 0] * threshold / before[:, 0].max(), rtol=1e-4, atol=1e-4)
    assert torch.equal(query.weight, weights[0]) == (alpha == 0)
    assert torch.equal(key.weight, weights[1]) == (alpha == 1)


def test_queries_that_share_keys_are_scaled_with_the_largest_of_them():
    query, key = layers(key_heads=2)
    with torch.no_grad():
        query.weight *= 30
    x = torch.randn(3, 5, WIDTH)
    before = logits(query, key, x, 2).amax((0, 2, 3))
    step(query, key, x, threshold=1.0)
    expected = before / before.reshape(2, 2).amax(1).repeat_interleave(2)
    torch.testing.assert_close(logits(query, key, x, 2).amax((0, 2, 3)), expected, rtol=1e-4, atol=1e-4)


def test_logits_below_the_threshold_change_nothing_and_evaluation_counts_for_nothing():
    query, key = layers()
    x = torch.randn(3, 5, WIDTH)
    before = [param.detach().clone() for param in (query.weight, key.weight)]
    step(query, key, x, threshold=1e3)
    assert all(torch.equal(one, other) for one, other in zip(before, (query.weight, key.weight), strict=True))
    clip = step(query, key, x, threshold=1e3)
    query.eval(), key.eval()
    query(x), key(x)
    assert clip.largest_logits(query) is None


def test_all_forward_passes_since_the_last_step_count():
    query, key = layers()
    optimizer = steepest.SGD([*query.parameters(), *key.parameters()], lr=0.0)
    clip = steepest.QKClip(optimizer, threshold=1e-3).watch(query, key, HEADS)
    first, second = (torch.randn(2, 5, WIDTH) for _ in range(2))
    for x in (first, second):
        query(x), key(x)
    expected = torch.maximum(*(logits(query, key, x).amax((0, 2, 3)) for x in (first, second)))
    torch.testing.assert_close(clip.largest_logits(query), expected)
    optimizer.step()
    assert clip.largest_logits(query) is None


def test_logits_can_be_reported_and_it_stops_when_removed():
    query, key = layers()
    optimizer = steepest.SGD([*query.parameters(), *key.parameters()], lr=0.0)
    clip = steepest.QKClip(optimizer, threshold=50.0).watch(query, key, HEADS)
    before = query.weight.detach().clone()
    clip.observe(query, torch.tensor([200.0, 10.0, math.inf, math.nan]))
    optimizer.step()
    torch.testing.assert_close(query.weight[:4], before[:4] / 2)
    assert torch.equal(query.weight[4:8], before[4:8])
    clip.remove()
    query(torch.ones(1, 2, WIDTH)), key(torch.ones(1, 2, WIDTH))
    assert clip.largest_logits(query) is None


def test_what_is_refused():
    query, key = layers()
    optimizer = torch.optim.SGD(query.parameters(), lr=0.1)
    for settings, message in [({"threshold": 0}, "above 0"), ({"alpha": 2}, "must lie in")]:
        with pytest.raises(InvalidValue, match=message):
            steepest.QKClip(optimizer, **settings)
    clip = steepest.QKClip(optimizer)
    with pytest.raises(InvalidValue, match="not watched"):
        clip.largest_logits(query)
    with pytest.raises(InvalidValue, match="not 3 heads"):
        clip.watch(query, key, 3)
    with pytest.raises(InvalidValue, match="the keys have 16 rows"):
        clip.watch(query, key, 4, key_heads=2)
    with pytest.raises(InvalidValue, match="one a head"):
        clip.watch(query, key, 4).observe(query, torch.ones(3))
