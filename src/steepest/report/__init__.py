"""The report of a comparison: tables, figures and one self-contained page, written into the study's folder."""

from .build import write_report

__all__ = ["write_report"]
