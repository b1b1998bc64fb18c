"""Ratios measured side by side in one run: ours and the rival interleaved, both checked to compute the same."""
