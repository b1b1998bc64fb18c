"""The pictures of the README, in English and in Chinese: python examples/pictures.py [folder] [hero | digits]."""

import sys
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import steepest
from steepest.base.text import Text
from steepest.figures.path_data import frame_of, tracks_of
from steepest.figures.paths import draw_background, halo
from steepest.figures.search import draw_learning_rates
from steepest.figures.style import clean, house_style, in_language, new_figure, save, theme, title_text, translate

RULES = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
ON, STEPS = "rosenbrock", 400
WIDE, NARROW = (11.0, 4.2), (4.6, 6.4)
"""Inches of the first picture, of which a phone's page shows all: a point of a narrow one is about a pixel there."""

RATES = np.geomspace(1e-4, 10, 51)
"""Learning rates that each rule is tried at: ten a decade, the same for all."""


def best(rule: str) -> steepest.Path:
    """The path of a rule at that of `RATES` with the lowest last value, of those that never rise above the start."""
    paths = [steepest.trace(rule, ON, lr=float(rate), steps=STEPS) for rate in RATES]
    return min((path for path in paths if np.max(path.f) <= path.f[0]), key=lambda path: path.f[-1])


def draw_hero(paths: list[steepest.Path], narrow: bool = False, dark: bool = False) -> Figure:
    """Each path on the landscape, and its value against the step, with its name and learning rate beside it.

    Args:
        paths: of the rules, on one landscape.
        narrow: one below the other, with letters that can be read on a phone.
        dark: for pages with light letters on dark.
    """
    landscape, frame = paths[0].landscape, ((-1.7, 1.5), (-0.5, 1.7))
    tracks = tracks_of(paths, frame_of(paths, frame), dark)
    with house_style(dark=dark):
        figure = new_figure(*(NARROW if narrow else WIDE))
        if narrow:
            figure.set_dpi(220)  # of a phone's screen
            picture, values = (part.subplots() for part in figure.subfigures(2, 1, height_ratios=(1.06, 1.0)))
        else:
            picture, values = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        draw_background(picture, landscape, frame)
        for path, track in zip(paths, tracks, strict=True):
            line = {"color": track.look.colour, "linewidth": 2.0, "path_effects": halo()}
            picture.plot(*path.x.T, **line, zorder=4)
            picture.plot(*path.x[-1], track.look.marker, color=track.look.colour, markersize=8, mec="white", zorder=6)
            values.plot(path.f, **line)
        picture.plot(*paths[0].x[0], "o", color="none", markersize=11, mec=theme().ink, mew=1.5, zorder=8)
        picture.set(xlim=frame[0], ylim=frame[1])
        values.set(yscale="log", xlim=(0, STEPS))
        title = Text(f"each at the best of {len(RATES)} learning rates", f"各取 {len(RATES)} 个学习率中最好的")
        clean(values, translate("step"), translate("value above the minimum"), title_text(title))
        label(values, paths, [track.look.colour for track in tracks], 10 if narrow else 11)
    return figure


def label(axes: Axes, paths: list[steepest.Path], colours: list[str], size: int) -> None:
    """The name of each path beside its end, kept apart where ends are near each other."""
    low, high = (np.log10(end) for end in axes.get_ylim())
    places = [(np.log10(path.f[-1]) - low) / (high - low) for path in paths]
    taken = -1.0
    for i in np.argsort(places):
        taken = max(places[i], taken + 0.075)
        name = f"{type(paths[i].rule).title}  {paths[i].rule.lr:.2g}"
        place = {"xycoords": "axes fraction", "va": "center", "annotation_clip": False}
        axes.annotate(name, (1.02, taken), color=colours[i], weight="bold", fontsize=size, **place)
    rate = title_text(Text("rate", "学习率"))
    axes.annotate(rate, (1.02, taken + 0.09), color=theme().grey, xycoords="axes fraction", va="center")


def main(folder: Path, only: str = "") -> None:
    """Draw the five rules of the lecture, each at its best rate, and how they fare on handwritten digits."""
    paths = [best(rule) for rule in RULES] if only in ("", "hero") else []
    digits = steepest.compare("digits") if only in ("", "digits") else None
    for lang, place in (("en", folder), ("zh", folder / "zh")):
        place.mkdir(parents=True, exist_ok=True)
        with in_language(lang):
            for narrow, dark in product((False, True), repeat=2) if paths else ():
                save(draw_hero(paths, narrow, dark), place / f"hero{'-narrow' * narrow}{'-dark' * dark}.png")
            if digits is not None:
                save(draw_learning_rates(digits), place / "digits.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"), *sys.argv[2:3])
