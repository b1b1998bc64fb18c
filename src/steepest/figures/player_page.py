"""The page that `trace --save x.html` writes: paths, printed for the part of the browser's code that plays them."""

import json
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ..base.text import Text
from ..landscapes import Landscape
from ..paths.tracing import Path
from ..program.javascript import value_function
from ..web import Page, script_of
from .landscapes import title_of
from .path_data import Frame, Window, frame_of, heights_of, tracks_of
from .paths import check_paths
from .scenes import clock, moves_of

__all__ = ["page", "paths_in_javascript"]

MOST_POINTS = 2000
"""Of a path: a longer one is thinned out, as the screen has no more."""

MOST_MOMENTS = 400

STYLE = """
h1 { box-sizing: border-box; max-width: 78rem; margin: 0 auto; padding: 1rem 1rem 0; font-size: 1.3rem; }
h1 { overflow-wrap: anywhere; }
@media (max-width: 720px) { h1 { padding-inline: .5rem; } }
"""

DIGITS = 7
"""Of a position or a value: more than the screen shows at any zoom that helps."""


def page(paths: Sequence[Path], *, window: Window = None, title: str | Text | None = None, lang: str = "en") -> Page:
    """A page with an animation of the paths that needs nothing else; it opens in this language.

    In a notebook, the page as the last line of a cell is shown below it.

    Raises:
        InvalidValue: no paths, or on different landscapes.
    """
    data = paths_in_javascript(paths, window)
    heading = getattr(title, lang) if isinstance(title, Text) else title or title_of(paths[0].landscape)
    body = f'<h1>{escape(heading)}</h1>\n<div data-steepest="paths" data-state="paths" data-alone></div>'
    return Page.of(body, script_of("{}", {"paths": data}), title=heading, lang=lang, style=STYLE)


def paths_in_javascript(paths: Sequence[Path], window: Window = None) -> str:
    """The state of the part `paths` (`web/parts/paths.js`), a JavaScript expression.

    Raises:
        InvalidValue: no paths, or on different landscapes.
    """
    check_paths(paths)
    landscape, frame = paths[0].landscape, frame_of(paths, window)
    tracks = tracks_of(paths, frame)
    looks = [track.look for track in tracks]
    dark_colours = [track.look.colour for track in tracks_of(paths, frame, dark=True)]
    steps = max(track.steps for track in tracks)
    kept = np.unique(np.linspace(0, steps, min(steps, MOST_POINTS) + 1).round().astype(int))
    moments = clock(moves_of(tracks, frame, heights_of(tracks, frame)), MOST_MOMENTS)
    state = {
        "tracks": [
            {
                "label": track.label,
                "look": {"color": look.colour, "colorDark": dark, "marker": look.marker, "dash": look.dashes},
                "x": _short(_thinned(track.x, kept)),
                "f": _short(_thinned(track.f, kept)),
                "status": track.path.outcome.status,
                "message": {lang: track.path.finding.happened(lang) for lang in ("en", "zh")},
            }
            for track, look, dark in zip(tracks, looks, dark_colours, strict=True)
        ],
        "starts": np.unique([path.x[0] for path in paths], axis=0).tolist(),
        "clock": np.interp(moments, kept, range(len(kept))).round(3).tolist(),
        "evaluations": any(track.steps != track.path.steps for track in tracks),
        "kept": None if len(kept) == steps + 1 else kept.tolist(),
    }
    return f"{{landscape: {_landscape(landscape, frame)}, ...{_json(state)}}}"


def _landscape(on: Landscape, frame: Frame) -> str:
    facts = {
        "title": {"en": on.name, "zh": on.name}, "about": {"en": on.about.en, "zh": on.about.zh}, "dims": on.dims,
        "names": on.coordinates, "window": frame, "minima": on.minima, "localMinima": on.local_minima,
        "saddles": on.saddles, "minimum": on.minimum,
    }  # fmt: skip
    return "\n".join([f"{{...{_json(facts)},", *value_function(on), "}"])


def _thinned(values: NDArray[np.float64], kept: NDArray[np.intp]) -> NDArray[np.float64]:
    """The values at these steps, and the last one in any case."""
    return values[[*kept[kept < len(values) - 1], len(values) - 1]]


def _short(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.ravel()]


def _json(value: object) -> str:
    """Data as JavaScript, in which NaN and Infinity are numbers."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
