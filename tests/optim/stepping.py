"""Parameters with gradients that depend on the number of the step alone, for tests of steps that repeat each other."""

import torch

SHAPES = ((4, 3), (5,), (2, 2))


def parameters(dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in SHAPES]


def give_gradients(params, seed):
    generator = torch.Generator().manual_seed(seed)
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator, dtype=torch.float64).to(param.dtype)


def train(optimizer, params, steps, first=0):
    for seed in range(first, first + steps):
        give_gradients(params, seed)
        optimizer.step()
