"""A page as one HTML file that needs no network: some HTML with places for parts, and the script that fills them."""

import base64
import hashlib
import re
import zlib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..base.display import without_styles
from ..base.errors import InvalidValue
from ..base.files import check_place, write
from .bundle import read_text

__all__ = ["Page", "check_page_file"]

STYLE = """html { color-scheme: light dark; font-size: clamp(15px, 4.6px + 0.755vw, 26px); }
html[data-light="light"] { color-scheme: light; }
html[data-light="dark"] { color-scheme: dark; }
@media print { html, html[data-light="dark"] { color-scheme: light; } }
body { margin: 0; background: Canvas; background: light-dark(#ffffff, #15181c); color: CanvasText; }
body { font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
"""
"""Of what stands around the parts; letters, and with them the parts, grow with the screen, as on a projector."""


TEMPLATE = """<!doctype html>
<html{lang}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="steepest">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<noscript><p>This page draws with JavaScript; please allow it. 本页用 JavaScript 绘图，请允许运行。</p></noscript>
<script type="text/plain">{script}</script>
<script>{start}</script>
</body>
</html>
"""


NO_FRAME = (
    "<p>This figure is drawn by JavaScript: trust this notebook, or run its cell.<br>"
    "此图由 JavaScript 绘制：请信任此笔记本，或运行单元格。</p>"
)


FRAME = 840
"""Height of a frame below a cell in CSS pixels, as front ends differ in their rem: what comes below the picture is seen
to begin, where it does not stand beside it."""


@dataclass(frozen=True, repr=False)
class Page:
    """A page as HTML. As the last line of a notebook's cell it is shown below the cell.

    Attributes:
        html: the whole page.
        still: HTML of a picture, for where a notebook is shown without its frames; empty for a line about that.
    """

    html: str
    still: str = ""

    def __repr__(self) -> str:
        title = re.search("<title>(.*?)</title>", self.html, re.DOTALL)
        return f"<page {title[1] if title else ''!r}: {len(self.html.encode()) / 1000:.0f} kB, save(file) writes it>"

    @classmethod
    def of(cls, body: str, script: str, *, title: str, lang: str | None = None, style: str = "") -> "Page":
        """The whole page.

        Args:
            body: HTML. Each element with an attribute `data-steepest` becomes a part, as `parts/page.js` says.
            script: as `script_of` makes it.
            title: of the page.
            lang: `"en"`, `"zh"`, or None to follow the reader's browser.
            style: CSS for the body.
        """
        start = read_text("unpack.js")
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:; "
            f"script-src {_hash(script)} {_hash(start)}; base-uri 'none'; form-action 'none'"
        )
        return cls(
            TEMPLATE.format(
                lang=f' lang="{lang}"' if lang else "", policy=policy, title=escape(title),
                style=STYLE + style, body=body, start=start,
                script=base64.b64encode(zlib.compress(script.encode(), level=9)).decode(),
            )
        )  # fmt: skip

    def save(self, file: str | Path) -> Path:
        """Write the page into a file, whole or not at all.

        Raises:
            InvalidValue: the file cannot be written.
        """
        path = Path(file).expanduser()
        if not path.name:
            raise InvalidValue(f"{path}: is a folder; name a file, such as page.html")
        write(path, self.html)
        return path

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {FRAME}px; border: 0"
        frame = f'<iframe title="steepest" srcdoc="{escape(self.html)}" style="{style}"></iframe>'
        return without_styles(self.still or NO_FRAME) + frame


def check_page_file(file: str | Path) -> None:
    """Raise `InvalidValue` where a page cannot be written to a file, or no browser would open it as one."""
    if Path(file).suffix.lower() not in (".html", ".htm") and not Path(file).is_dir():
        raise InvalidValue(f"{file}: a page is an .html file")
    check_place(file)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
