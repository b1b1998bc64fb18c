"""The playground: one self-contained page in which every rule runs on every landscape, and on formulas of your own."""

from .article import article
from .build import build_facts, build_page, open_playground, play

__all__ = ["article", "build_facts", "build_page", "open_playground", "play"]
