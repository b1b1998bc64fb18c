"""An article with figures that can be played with: HTML with places for parts, as one page that needs no network."""

import re
from collections.abc import Mapping, Sequence

from ..base.checks import check_language
from ..base.errors import InvalidValue, did_you_mean
from ..figures.player_page import paths_in_javascript
from ..paths.tracing import Path
from ..web import Page, script_of
from .build import build_facts

__all__ = ["article"]

STYLE = """
body { box-sizing: border-box; max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; line-height: 1.6; }
[data-steepest] { margin: 1.5rem 0; }
"""


def article(
    body: str,
    paths: Mapping[str, Sequence[Path]] | None = None,
    *,
    title: str = "steepest",
    lang: str | None = None,
    style: str = STYLE,
) -> Page:
    """A page of prose with any number of figures in it.

    A figure stands where the HTML has an empty element with `data-steepest`:

    - `<div data-steepest="playground" data-state="on=ravine&rule=sgd(lr=0.4)"></div>`: a playground in the state of a
      link (what stands after the `#` in the address of a playground; without `data-state`, as it opens);
    - `<div data-steepest="paths" data-state="muon"></div>`: the paths of that name, played.

    Args:
        body: HTML, as it goes into the page's `<body>`.
        paths: what `trace` returned, by the names that the HTML has for them.
        title: of the page.
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.
        style: CSS of what stands around the figures.

    Returns:
        The page: `save(file)` writes it, and in a notebook it is shown below its cell.

    Raises:
        InvalidValue: another language, a figure that there is none of, or a name that no paths have.

    >>> import steepest
    >>> path = steepest.trace("adam", "ravine", lr=0.4, steps=30)
    >>> page = article('<h1>Adam</h1> <div data-steepest="paths" data-state="adam"></div>', {"adam": [path]})
    >>> page.html.count("data-steepest")
    2
    """
    if lang is not None:
        check_language(lang)
    states = {name: paths_in_javascript(group) for name, group in (paths or {}).items()}
    for tag in re.findall(r"<[^>]*\bdata-steepest\b[^>]*>", body):
        _check(tag, states)
    return Page.of(body, script_of(build_facts(), states), title=title, lang=lang, style=style)


def _check(place: str, states: Mapping[str, str]) -> None:
    part, state = (re.search(rf"\b{name}\s*=\s*[\"']?([^\"'\s>]*)", place) for name in ("data-steepest", "data-state"))
    if part is None or part[1] not in ("playground", "paths"):
        raise InvalidValue(f'{place}: data-steepest must be "playground" or "paths"')
    if part[1] == "paths" and (state is None or state[1] not in states):
        hint = did_you_mean(state[1], states) if state and states else "hand them over as paths={name: [path, ...]}"
        raise InvalidValue(f"{place}: there are no paths of this name; {hint}")
