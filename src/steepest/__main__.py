"""`python -m steepest` is the command `steepest`."""

from .cli import main

main()
