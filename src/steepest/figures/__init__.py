"""Figures of paths, maps and comparisons in one style, drawn without changing the user's Matplotlib settings."""
