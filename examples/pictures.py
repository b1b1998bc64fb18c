"""The two pictures of the README: python examples/pictures.py [folder]."""

import sys
from pathlib import Path

import steepest
from steepest.figures.paths import draw_paths
from steepest.figures.search import draw_learning_rates
from steepest.figures.style import save


def main(folder: Path) -> None:
    """Draw the five rules of the lecture in a ravine, and how they fare on handwritten digits."""
    rates = {"sgd": 0.4, "momentum": 0.1, "adagrad": 2.0, "rmsprop": 0.1, "adam": 0.4}
    paths = [steepest.trace(rule, "ravine", lr=lr, steps=40) for rule, lr in rates.items()]
    save(draw_paths(paths), folder / "ravine.png")
    save(draw_learning_rates(steepest.compare("digits")), folder / "digits.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
