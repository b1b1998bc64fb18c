"""Saving paths to a file: a figure or an animation, by the ending of its name."""

from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from ..base.checks import check_language, check_whole
from ..base.errors import InvalidValue
from ..base.files import check_place
from ..paths.tracing import Path
from .animations import ANIMATIONS, MOST_FRAMES, animate, check_file
from .path_data import Window
from .paths import draw_paths
from .style import FORMATS, save

__all__ = ["check_paths_file", "save_paths"]


def check_paths_file(file: FilePath, lang: str = "en", surface: bool = False, frames: int = 100) -> None:
    """Check that paths can be drawn to such a file, before anything is computed.

    Raises:
        InvalidValue: another ending, an unknown language, too few frames, a surface in an animation, or a place that
            cannot be written to.
    """
    check_language(lang)
    kind = file.suffix.lower()
    if kind in ANIMATIONS:
        check_file(file)
        check_whole("frames", frames, 2, MOST_FRAMES)
        if surface:
            raise InvalidValue(f"{file}: an animation has no --surface; save a .png, .svg or .pdf, or leave it out")
    elif kind not in FORMATS:
        stills, moving = (f"{', '.join(endings[:-1])} or {endings[-1]} file" for endings in (FORMATS, ANIMATIONS))
        raise InvalidValue(f"{file}: a figure is a {stills}, an animation a {moving}")
    check_place(file)


def save_paths(
    paths: Sequence[Path], file: FilePath, *, surface: bool = False, window: Window = None, frames: int = 100,
    lang: str = "en", dark: bool = False, on_frame: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Draw paths to a file: a figure by `draw_paths`, or an animation by `animate`; see there for the arguments."""
    if file.suffix.lower() in ANIMATIONS:
        animate(paths, file, window=window, frames=frames, lang=lang, dark=dark, on_frame=on_frame)
    else:
        save(draw_paths(paths, surface=surface, window=window, lang=lang, dark=dark), file)
