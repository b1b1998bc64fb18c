"""Rings with matrix products in bfloat16, by torch's autocast; weights and optimizer stay in float32."""

from dataloader import batch_size, batches, evaluate, loss, metric_name, model, target  # noqa: F401

autocast = "bfloat16"
