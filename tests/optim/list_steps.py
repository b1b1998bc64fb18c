"""Training by lists of tensors: the same gradients whatever steps them. See tests/test_compiled.py."""

import torch

import steepest
from steepest.rules import RULES

ELEMENTWISE = [name for name, rule in RULES.items() if rule.elementwise]
WHOLE = [name for name, rule in RULES.items() if not rule.elementwise]
SHAPES = ((5, 7), (3,), ())


def optimizer_class(name):
    return getattr(steepest, RULES[name].__name__)


def parameters(dtype=torch.float64, shapes=SHAPES, **options):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(each, generator=generator, dtype=dtype).to(**options)) for each in shapes]


def train(optimizer, steps=range(12), with_gradient=lambda step, place: True):
    """Steps whose gradients depend on the parameters and on the number of the step alone."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for place, param in enumerate(params):
            wide = torch.complex128 if param.is_complex() else torch.float64
            noise = torch.randn(param.shape, generator=generator, dtype=wide).to(param.dtype)
            param.grad = param.detach() + noise if with_gradient(step, place) else None
        optimizer.step()
    return params


def reached(name, dtype=torch.float64, *, shapes=SHAPES, steps=12, **settings):
    """Where a run ends, as one vector, and its optimizer."""
    optimizer = optimizer_class(name)(parameters(dtype, shapes), **{"lr": 0.01} | settings)
    return torch.cat([param.detach().flatten() for param in train(optimizer, range(steps))]), optimizer
