"""Markdown tables."""

from collections.abc import Sequence


def aligned(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table whose columns also line up where Markdown is read as text."""
    widths = [max(len(cells[column]) for cells in [header, *body]) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in [header, rule, *body]
    )
