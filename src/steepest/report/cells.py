"""Texts of users in the cells of tables, from where they may come into a spreadsheet."""

import pandas as pd

__all__ = ["defused", "with_defused_texts"]

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""First characters of a cell that a spreadsheet takes for a formula, and runs."""


def defused(text: str) -> str:
    """A text behind an apostrophe where a spreadsheet would run it as a formula, which so stays a text.

    >>> defused("Adam"), defused("=HYPERLINK(0)")
    ('Adam', "'=HYPERLINK(0)")
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def with_defused_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text `defused`; numbers stay as they are."""
    texts = [name for name in table if table[name].dtype.kind not in "biufc"]
    defuse = {name: [defused(value) if isinstance(value, str) else value for value in table[name]] for name in texts}
    return table.assign(**{str(name): values for name, values in defuse.items()})
