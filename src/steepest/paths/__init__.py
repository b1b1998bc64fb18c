"""Rules on landscapes: one path, many paths at once, maps made of many paths."""
