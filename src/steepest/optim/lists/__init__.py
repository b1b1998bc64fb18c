"""Steps by lists of tensors, for accelerators."""
