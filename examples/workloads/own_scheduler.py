"""A sine under a scheduler of its own: a rise, then a cosine with restarts, for whichever optimizer competes."""

from four_tensors import batch_size, data, loss, model, target  # noqa: F401
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LinearLR, SequentialLR


def scheduler(optimizer, steps):  # step() is called after each step of the optimizer
    rise = max(2, steps // 10)
    parts = [LinearLR(optimizer, 0.1, total_iters=rise), CosineAnnealingWarmRestarts(optimizer, T_0=rise)]
    return SequentialLR(optimizer, parts, [rise])
