"""A comparison as files to look at: tables, figures and one self-contained page."""

from .build import write_report

__all__ = ["write_report"]
