"""The fused kernel for parameters on a CPU."""
