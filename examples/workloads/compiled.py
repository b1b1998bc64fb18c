"""A sine with a model compiled by torch.compile; graphs are captured once a process."""

from four_tensors import batch_size, data, loss, model, target  # noqa: F401

compile = "aot_eager"  # or True, for the default backend; other names are those of torch.compile
