"""Rings with steps of four batches of eight: what fits into memory is less than what a step needs."""

from dataloader import batches, evaluate, loss, metric_name, model, target  # noqa: F401

batch_size = 8
accumulate = 4  # the mean gradient of so many batches makes a step
