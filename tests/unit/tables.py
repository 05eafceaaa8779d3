"""Tables of a Markdown page, for the tests that keep pages and code equal."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def tables(page: str) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table by the heading above it, without the table's own head."""
    found: dict[str, list[tuple[str, ...]]] = {}
    heading = ""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
        elif line.startswith("|"):
            cells = tuple(cell.strip().replace("\\|", "|") for cell in line.replace("\\|", "\0").strip("|").split("|"))
            cells = tuple(cell.replace("\0", "|") for cell in cells)
            found.setdefault(heading, []).append(cells)
    return {name: rows[2:] for name, rows in found.items()}
