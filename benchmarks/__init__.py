"""Benchmarks: ratios of ours to a rival's time, interleaved in one run, with a check that both compute the same."""
