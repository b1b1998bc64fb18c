"""A plugin of steepest; `pip install` it, and `steepest list` shows what it brings."""
