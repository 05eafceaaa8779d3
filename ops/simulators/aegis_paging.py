"""Pages as Aegis cuts them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from ops.simulators.wire import Answer, Call

LARGEST_PAGE = 100
DEFAULT_PAGE = 25


class BadPage(ValueError):
    """The caller asked for a page that cannot be."""


def page_answer(call: Call, member: str, rows: Sequence[Any], *, required: bool = True) -> Answer:
    """One page of rows under the given member, with the links and counts of every Aegis page."""
    page = _positive(call.query.get("page", "1"), "page")
    size = min(_positive(call.query.get("pageSize", str(DEFAULT_PAGE)), "pageSize"), LARGEST_PAGE)
    pages = -(-len(rows) // size)
    shown = list(rows[(page - 1) * size : page * size])
    # The contract allows null and the empty text on the last page; both occur here.
    no_link = "" if len(rows) % 2 else None
    return Answer.of_json(
        {
            "NextPageLink": _link(call, page + 1) if page < pages else no_link,
            "PreviousPageLink": _link(call, page - 1) if page > 1 else no_link,
            "PageCount": pages,
            "TotalCount": len(rows),
            member: shown if shown or required else None,
        }
    )


def _positive(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise BadPage(f"The value '{text}' is not valid for {name}.")
    return int(text)


def _link(call: Call, page: int) -> str:
    host = call.request.headers.get("host", "localhost")
    return f"http://{host}{call.request.path}?{urlencode({**call.query, 'page': str(page)})}"
