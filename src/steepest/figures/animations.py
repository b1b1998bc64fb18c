"""Animations of paths: GIF, WebP and MP4 files, and pages with a player of their own."""

import importlib.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Images

from ..base.checks import check_whole
from ..base.errors import InvalidValue
from ..base.files import write
from ..base.text import Text
from ..paths.tracing import Path
from .path_data import Window
from .scenes import Scene
from .style import language

__all__ = ["ANIMATIONS", "MOST_FRAMES", "animate", "check_file"]

Image = NDArray[np.uint8]
Progress = Callable[[int, int], None]

ANIMATIONS = (".gif", ".webp", ".mp4", ".html")

SECONDS = 6.0
"""From the first step to the last."""

FIRST, LAST = 500, 2000
"""Milliseconds that the first and the last picture stay."""

MOST_FRAMES = 1000

COLOURS = 254
"""Of a GIF, which has 256: one is for paper, and one is left for "as before"."""


def animate(
    paths: Sequence[Path], file: str | FilePath, *, window: Window = None, frames: int = 100,
    title: str | Text | None = None, lang: str | None = None, dark: bool = False, on_frame: Progress | None = None,
) -> FilePath:  # fmt: skip
    """Write an animation of paths that grow step by step, with the values beside them; it starts again at its end.

    Args:
        paths: what `trace` returned, one or more, all on the same landscape.
        file: its ending says the kind: `.gif`, `.webp`, `.mp4` (which needs ffmpeg), or `.html`, a page with a player
            that needs nothing else.
        window: the part that is drawn, as for `draw_paths`.
        frames: how many pictures; a page draws as many as the screen shows.
        title: in one language or both. Default: the landscape's name.
        lang: language of the words, `"en"` or `"zh"`; a page has both and starts with this one. Default: that of the
            enclosing `in_language`, or else English.
        dark: light on dark paper; a page has both and follows the reader's setting.
        on_frame: called with how many pictures are done, and of how many.

    Returns:
        The file, written wholly or not at all.

    Raises:
        InvalidValue: another ending, no ffmpeg, the file cannot be written, or paths that do not go together.
    """
    file = check_file(file)
    check_whole("frames", frames, 2, MOST_FRAMES)
    if file.suffix.lower() == ".html":
        from .player_page import page

        write(file, page(paths, window=window, title=title, lang=lang or language()).html.encode())
        return file
    encode = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}[file.suffix.lower()]
    write(file, encode(_Film(Scene(paths, frames, title, lang, dark, window), on_frame)))
    return file


def check_file(file: str | FilePath) -> FilePath:
    """The path of an animation; raise `InvalidValue` where it cannot be made."""
    path = FilePath(file).expanduser()
    if path.suffix.lower() not in ANIMATIONS:
        raise InvalidValue(f"{path}: an animation is a {', '.join(ANIMATIONS[:-1])} or {ANIMATIONS[-1]} file")
    if path.suffix.lower() == ".mp4" and _ffmpeg() is None:
        remedy = "install ffmpeg, or pip install 'steepest[mp4]', or save a .gif, .webp or .html"
        raise InvalidValue(f"{path}: an .mp4 needs ffmpeg, which is not here; {remedy}")
    return path


@dataclass(frozen=True)
class _Film:
    """A scene's pictures, one after the other, and how long each stays, in milliseconds."""

    scene: Scene
    on_frame: Progress | None

    def __iter__(self) -> Iterator[Image]:
        for done, moment in enumerate(self.scene.moments, start=1):
            yield self.scene.picture(moment)
            if self.on_frame is not None:
                self.on_frame(done, len(self.scene.moments))

    @property
    def each(self) -> int:
        return max(20, round(SECONDS * 100 / len(self.scene.moments)) * 10)  # browsers slow anything faster down

    @property
    def durations(self) -> list[int]:
        return [FIRST, *[self.each] * (len(self.scene.moments) - 2), LAST]


# --- kinds of files ---------------------------------------------------------------------------------------------------


def _gif(film: _Film) -> bytes:
    palette = _palette(film.scene)
    first, *others = (Images.fromarray(image).quantize(palette=palette, dither=Images.Dither.NONE) for image in film)
    return _saved(first, "GIF", others, film, optimize=True, disposal=1)  # only what changes is kept of each


def _palette(scene: Scene) -> Any:
    last = scene.picture(scene.moments[-1])
    found = Images.fromarray(last).quantize(COLOURS, Images.Quantize.MAXCOVERAGE, kmeans=3)
    palette = Images.new("P", (1, 1))
    palette.putpalette([*(found.getpalette() or [])[: 3 * COLOURS], *last[0, 0].tolist()])  # the corner is plain paper
    return palette


def _webp(film: _Film) -> bytes:
    first, *others = map(Images.fromarray, film)
    return _saved(first, "WEBP", others, film, quality=82, method=2, minimize_size=False, kmin=10_000, kmax=10_001)


def _saved(first: Any, kind: str, others: list[Any], film: _Film, **options: Any) -> bytes:
    made = io.BytesIO()
    first.save(made, kind, save_all=True, append_images=others, duration=film.durations, loop=0, **options)
    return made.getvalue()


def _ffmpeg() -> str | None:
    """The program that makes videos: the system's, or the one that the package imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg"):
        found = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    return found


def _mp4(film: _Film) -> bytes:
    """H.264 in the way that every browser plays."""
    height, width, _ = film.scene.still.shape
    rate = 1000 / film.each
    with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
        video = FilePath(folder) / "video.mp4"
        command = [
            str(_ffmpeg()), "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
            "-r", f"{rate:.4f}", "-i", "-", "-c:v", "libx264", "-preset", "medium", "-crf", "20", "-pix_fmt",
            "yuv420p", "-movflags", "+faststart", str(video),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            complaint = _feed(process, film)
        if process.returncode:
            raise InvalidValue(f"ffmpeg failed: {complaint}; save a .gif, .webp or .html instead")
        return video.read_bytes()


def _feed(process: "subprocess.Popen[bytes]", film: _Film) -> str:
    """Hand the pictures over; what ffmpeg complained of, in a line."""
    assert process.stdin is not None and process.stderr is not None
    try:
        for image, duration in zip(film, film.durations, strict=True):
            for _ in range(max(1, round(duration / film.each))):
                process.stdin.write(image.tobytes())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has given up, and says why
    except BaseException:
        process.kill()
        raise
    return " ".join(process.stderr.read().decode(errors="replace").split())
