"""The transformer of the text workloads: attention that looks back, rotary positions, writing."""

import math

import pytest
import torch

from steepest.workloads.applications.transformer import NOTHING, Transformer, bits, loss, turned, write

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("places", [0, 6])
def test_no_token_knows_what_comes_behind_it(places):
    model = Transformer(9, 8, 2, places)
    tokens = torch.randint(9, (1, 6))
    changed = tokens.clone()
    changed[0, 4:] = (changed[0, 4:] + 1) % 9
    same = (model(tokens) == model(changed)).all(dim=2)[0]
    assert same.tolist() == [True] * 4 + [False] * 2


def test_rotary_positions_are_multiplications_by_complex_numbers():
    x = torch.randn(2, 7, 10, dtype=torch.float64)
    speeds = torch.tensor([100.0 ** (-pair / 5) for pair in range(5)], dtype=torch.float64)
    turns = torch.polar(torch.ones(7, 5, dtype=torch.float64), torch.arange(7)[:, None] * speeds)
    expected = torch.complex(*x.chunk(2, dim=-1)) * turns
    assert torch.allclose(turned(x), torch.cat([expected.real, expected.imag], dim=-1), atol=1e-6)  # float32 angles


def test_products_depend_on_the_distance_alone():
    query, key = (torch.randn(16, dtype=torch.float64).expand(60, 16) for _ in range(2))
    products = turned(query) @ turned(key).T
    for distance in (0, 1, 7, 40):
        along = products.diagonal(-distance)
        assert along.max() - along.min() < 1e-4
    assert products.diagonal(-1)[0] != products.diagonal(-7)[0]


def test_without_learned_places_a_sequence_may_have_any_length():
    assert Transformer(9, 8, 1)(torch.zeros(1, 50, dtype=torch.long)).shape == (1, 50, 9)


def test_the_loss_counts_targets_only_and_comes_in_bits():
    scores = torch.zeros(2, 3, 4)
    scores[0, 0, 0] = 100.0
    targets = torch.tensor([[0, NOTHING, 1], [NOTHING, NOTHING, NOTHING]])
    assert loss(scores, targets).item() == pytest.approx(math.log(4) / 2) and bits(scores, targets).item() == 1.0


def test_writing_goes_on_behind_the_start_and_looks_at_its_window():
    class Next(torch.nn.Module):
        """One more than the sum of the tokens that it sees."""

        def forward(self, numbers):
            return 100.0 * torch.nn.functional.one_hot((numbers.sum(dim=1, keepdim=True) + 1) % 10, 10)

    start = torch.tensor([[1, 2], [5, 0]])
    assert write(Next(), start, 4, window=1).tolist() == [[1, 2, 3, 4, 5, 6], [5, 0, 1, 2, 3, 4]]
    assert write(Next(), start, 2, window=2).tolist() == [[1, 2, 4, 7], [5, 0, 6, 7]]
