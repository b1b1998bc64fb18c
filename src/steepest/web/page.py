"""A page as one HTML file that needs no network: some HTML with places for parts, and the script that fills them."""

import base64
import hashlib
import zlib
from html import escape

from .bundle import read_text

__all__ = ["page_of"]

STYLE = """html { color-scheme: light dark; font-size: clamp(15px, 4.6px + 0.755vw, 26px); }
html[data-light="light"] { color-scheme: light; }
html[data-light="dark"] { color-scheme: dark; }
body { margin: 0; background: Canvas; background: light-dark(#ffffff, #15181c); color: CanvasText; }
body { font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
"""
"""Of what stands around the parts; letters, and with them the parts, grow with the screen, as on a projector."""


def page_of(body: str, script: str, *, title: str, lang: str | None = None, style: str = "") -> str:
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
    chosen = f' data-lang="{lang}"' if lang else ""
    return f"""<!doctype html>
<html lang="{lang or "en"}"{chosen}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="steepest">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
{body}
<noscript><p>This page draws with JavaScript; please allow it. 本页用 JavaScript 绘图，请允许运行。</p></noscript>
<script type="text/plain">{base64.b64encode(zlib.compress(script.encode(), level=9)).decode()}</script>
<script>{start}</script>
</body>
</html>
"""


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
