"""A rule or a landscape recorded as a program, and what is printed or computed from it."""
