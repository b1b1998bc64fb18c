"""A sine where an average of the weights over about the last 50 steps is evaluated, not the weights themselves."""

from four_tensors import batch_size, data, loss, model, target  # noqa: F401

ema = 0.98  # the decay; with 0.999 the average needs a thousand steps
