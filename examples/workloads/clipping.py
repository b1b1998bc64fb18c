"""Rings with gradients clipped to a norm of 0.5, as in any recipe for transformers."""

from four_tensors import batch_size, data, loss, model, target  # noqa: F401

clip_norm = 0.5
