"""The playground: one self-contained page in which every rule runs on every landscape, and on formulas of your own."""

from .build import build_facts, build_page, open_playground, play, write_playground

__all__ = ["build_facts", "build_page", "open_playground", "play", "write_playground"]
