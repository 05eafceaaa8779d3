"""The runbook, out of docs/runbook, for reading where the trouble is."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.responses import Response

from ops.console.rendering import rendered_markdown
from ops.console.visit import NoSuchPageError, Visit, looks

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "runbook"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
_LINK = re.compile(r"\]\((?!https?:)(?:\./)?([a-z0-9-]+)\.md(#[\w-]*)?\)")
_OTHER = re.compile(r"\[([^\]]+)\]\((?!https?:)(?!/)[^)]*\)")


def contents(visit: Visit) -> Response:
    """All pages."""
    pages = [(path.stem, _title(path)) for path in sorted(FOLDER.glob("*.md")) if path.stem not in {"README", "index"}]
    return visit.page("runbook.html", "Runbook", pages=pages, text=None)


def page(visit: Visit) -> Response:
    """One page of it."""
    name = visit.part("name")
    path = FOLDER / f"{name}.md"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NoSuchPageError("The runbook has no page of that name; its contents are at the foot of every page.")
    base = visit.url("/runbook")
    text = _LINK.sub(lambda found: f"]({base}/{found[1]}{found[2] or ''})", path.read_text(encoding="utf-8"))
    title, _, rest = text.partition("\n")
    # What leads elsewhere in the repository leads nowhere here.
    return visit.page(
        "runbook.html", title.lstrip("# ").strip(), pages=[], text=rendered_markdown(_OTHER.sub(r"\1", rest))
    )


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip() or path.stem


ROUTES = (looks("/runbook", contents), looks("/runbook/{name}", page))
