"""One definition, many engines: each runs the same `update` of a rule, in its own way."""
