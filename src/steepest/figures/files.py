"""Paths as a file: a picture or an animation, as the ending says."""

from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from ..base.errors import InvalidValue
from ..paths.tracing import Path
from .animations import ANIMATIONS, animate, check_file, check_frames
from .paths import draw_paths
from .style import FORMATS, check_language, save

__all__ = ["check_paths_file", "save_paths"]


def check_paths_file(file: FilePath, lang: str = "en", surface: bool = False, frames: int = 100) -> None:
    """Raise `InvalidValue` where paths cannot be drawn to such a file: before anything is computed."""
    check_language(lang)
    kind = file.suffix.lower()
    if kind in ANIMATIONS:
        check_file(file)
        check_frames(frames)
        if surface:
            raise InvalidValue(f"{file}: an animation has no --surface; save a .png, .svg or .pdf, or leave it out")
    elif kind not in FORMATS:
        stills, moving = (f"{', '.join(each[:-1])} or {each[-1]} file" for each in (FORMATS, ANIMATIONS))
        raise InvalidValue(f"{file}: a figure is a {stills}, an animation a {moving}")


def save_paths(
    paths: Sequence[Path], file: FilePath, *, surface: bool = False, frames: int = 100, lang: str = "en",
    dark: bool = False, on_frame: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Draw paths to a file, as `draw_paths` or `animate` do; see there."""
    if file.suffix.lower() in ANIMATIONS:
        animate(paths, file, frames=frames, lang=lang, dark=dark, on_frame=on_frame)
    else:
        save(draw_paths(paths, surface=surface, lang=lang, dark=dark), file)
