"""The theme's words in Chinese, where its own catalogue lacks them, or has them in English."""

from gettext import NullTranslations
from typing import Any

__all__ = ["Completed", "setup"]

LACKING = {
    "Breadcrumb": "所在位置",
    "Collapse Sidebar": "收起侧栏",
    "Expand Sidebar": "展开侧栏",
    "Color mode": "配色",
    "System Settings": "跟随系统",
}
"""Words of the theme that its Chinese catalogue lacks, or has in English."""


class Completed(NullTranslations):
    """A catalogue, with the words that it lacks."""

    def __init__(self, catalogue: NullTranslations) -> None:
        super().__init__()
        self.add_fallback(catalogue)

    def gettext(self, message: str) -> str:
        return LACKING.get(message) or super().gettext(message)


def _complete(app: Any, config: Any) -> None:
    if config.language.startswith("zh"):
        config.html_theme_options["header_dropdown_text"] = "更多"
        app.translator = Completed(app.translator)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.connect("config-inited", _complete, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
