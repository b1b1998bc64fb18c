"""The progress of a comparison in a notebook: one line below the cell, changed in place."""

import os
import time
from collections.abc import Callable
from html import escape

from ..base.display import in_notebook
from ..base.language import default_language
from ..study import Store

__all__ = ["progress"]

REFRESH = 1.0
"""Seconds between two changes of the line."""


def progress() -> Callable[[Store], None] | None:
    """A line below the running cell, changed in place, for `compare`; None where there is no notebook."""
    return _Line() if in_notebook() else None


class _Line:
    def __init__(self) -> None:
        self._began, self._next, self._shown = time.monotonic(), 0.0, None

    def __call__(self, store: Store) -> None:
        now, done, total = time.monotonic(), store.done(), store.plan.runs
        if now < self._next and done < total:
            return
        self._next = now + REFRESH
        text = self._text(done, total, now - self._began, bool(store.recording))
        bar = f'<progress value="{done}" max="{max(total, 1)}"></progress> {escape(text)}'
        content = {"text/plain": text, "text/html": bar}
        from IPython.display import display

        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(content, raw=True)

    @staticmethod
    def _text(done: int, total: int, seconds: float, pictures: bool) -> str:
        if default_language(os.environ) == "zh":
            return f"{done} / {total} 次训练，{seconds:.0f} 秒" + "，正在为图片重新训练最优者" * pictures
        return f"{done} of {total} runs, {seconds:.0f} s" + ", training the best once more for pictures" * pictures
