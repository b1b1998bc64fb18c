"""A figure as an element of HTML: a PNG within it, which every front end of notebooks shows, saved ones included."""

import base64
from html import escape
from io import BytesIO

from matplotlib.figure import Figure

__all__ = ["picture"]


def picture(figure: Figure, name: str) -> str:
    """The figure in its own size, or in the width that there is, with its name for whoever does not see it.

    >>> picture(Figure(figsize=(1, 1)), "a <square>")[:74]
    '<img alt="a &lt;square&gt;" style="width: 72px; max-width: 100%" src="data'
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(72 * figure.get_figwidth())
    return f'<img alt="{escape(name)}" style="width: {width}px; max-width: 100%" src="data:image/png;base64,{data}">'
