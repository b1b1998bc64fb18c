"""The progress of a comparison in a notebook: one line below the cell, changed in place."""

import os
import time
from html import escape
from pathlib import Path

from ..base.display import in_notebook
from ..base.language import default_language
from ..study import Store

__all__ = ["Line", "progress"]

REFRESH = 1.0
"""Seconds between two changes of the line."""


def progress() -> "Line | None":
    """A line below the running cell, changed in place, for `compare`; None where there is no notebook."""
    return Line() if in_notebook() else None


class Line:
    """A line below the running cell; called with the store of a study a few times a second."""

    def __init__(self) -> None:
        self._began, self._next = time.monotonic(), 0.0
        self._text, self._shown = "", None

    def __call__(self, store: Store) -> None:
        """Show how many runs are done, once a second."""
        now, done, total = time.monotonic(), store.done(), store.plan.runs
        if now < self._next and done < total:
            return
        self._next = now + REFRESH
        self._show(store, _progress_text(done, total, now - self._began, bool(store.recording)))

    def interrupted(self, store: Store, folder: Path | None) -> None:
        """Say how to go on.

        Args:
            store: of the study.
            folder: where it is kept; None where it is not.
        """
        done, total = store.done(), store.plan.runs
        self._show(store, _interrupted_text(done, total, None if folder is None else str(folder)))

    def _show(self, store: Store, text: str) -> None:
        if text == self._text:
            return
        self._text = text
        bar = f'<progress value="{store.done()}" max="{max(store.plan.runs, 1)}"></progress> {escape(text)}'
        content = {"text/plain": text, "text/html": bar}
        from IPython.display import display

        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(content, raw=True)


def _progress_text(done: int, total: int, seconds: float, pictures: bool) -> str:
    """How far it is, in the reader's language.

    >>> _progress_text(3, 20, 4.2, False)
    '3 of 20 runs, 4 s'
    """
    if default_language(os.environ) == "zh":
        return f"{done} / {total} 次训练，{seconds:.0f} 秒" + "，正在为图片重新训练最优者" * pictures
    return f"{done} of {total} runs, {seconds:.0f} s" + ", training the best once more for pictures" * pictures


def _interrupted_text(done: int, total: int, folder: str | None) -> str:
    """What is left after an interrupt, in the reader's language."""
    if default_language(os.environ) == "zh":
        kept = (
            f"运行 steepest.verbs.resume({folder!r}) 继续"
            if folder
            else "没有保存；给 compare 加上 out='study' 才能继续"
        )
        return f"已中断，完成 {done} / {total} 次训练；{kept}"
    kept = f"steepest.verbs.resume({folder!r}) goes on" if folder else "not kept; with out='study' compare can go on"
    return f"interrupted after {done} of {total} runs; {kept}"
