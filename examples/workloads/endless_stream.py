"""A sine from a stream without end: no point is seen twice, there are no epochs, and no held-out points are needed."""

import four_tensors  # the file beside this one
import torch

target = 0.02
model = four_tensors.model


def batches():
    while True:
        x = 6 * torch.rand(32, 1) - 3
        yield x, x.sin() + 0.1 * torch.randn(32, 1)


def loss(model, batch):
    x, y = batch
    return torch.nn.functional.mse_loss(model(x), y)


def evaluate(model, device):
    x = torch.linspace(-3, 3, 100, device=device)[:, None]
    return {"loss": loss(model, (x, x.sin()))}
