"""Notebooks: what a cell shows of a value (`display.py`), and the progress of a comparison (`progress.py`)."""
