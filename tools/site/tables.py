"""Tables and formulas in MyST's Markdown, for generated pages."""

from collections.abc import Iterable, Sequence

__all__ = ["inline", "listed", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table, without columns that are empty; without a heading, of facts by label."""
    rows = [list(row) for row in rows]
    filled = [any(cells) for cells in zip(*rows, strict=True)]
    head = [cell for cell, there in zip(head, filled, strict=True) if there]
    rows = [[cell for cell, there in zip(row, filled, strict=True) if there] for row in rows]
    lines = ["", ":::{list-table}", *([":header-rows: 1"] if any(head) else []), f":class: {kind or 'table'}", ""]
    for row in ([head] if any(head) else []) + rows:
        for i, cell in enumerate(row):
            lines.append(f"{'* -' if i == 0 else '  -'} {cell}".rstrip())
    return "\n".join([*lines, ":::", ""])


def inline(latex: str) -> str:
    """A formula in a line."""
    return f"{{math}}`{latex}`" if latex else ""


def listed(pages: Iterable[str], *, caption: str = "", hidden: bool = True) -> str:
    """A table of contents of pages."""
    options = [*([f":caption: {caption}"] if caption else []), *([":hidden:"] if hidden else []), ":maxdepth: 1"]
    return "\n".join(["", "```{toctree}", *options, *pages, "```", ""])
