"""A loop on one batch with a doctor beside it, and what the doctor says that it cannot see."""

import torch
from torch.nn import functional

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def unseen(doctor):
    return [finding.code for finding in doctor.unseen]


def steps(doctor, model, optimizer, count=12, loss=functional.cross_entropy, say=lambda loss: loss, inputs=INPUTS):
    for _ in range(count):
        optimizer.zero_grad()
        value = loss(model(inputs), LABELS)
        value.backward()
        optimizer.step()
        doctor.step(say(value))
