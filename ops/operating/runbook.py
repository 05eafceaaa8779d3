"""The runbook's page for a cause of failure: what it means, what to look at, what to do (requirement G8)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = "docs/runbook"
_CHECKOUT = Path(__file__).resolve().parents[2]
# What stops a whole system has the page of its alarm.
_ELSEWHERE = {"credentials-refused": "system-stopped-alarm"}
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def page_of(cause: str) -> str | None:
    """The page's path in the checkout, such as docs/runbook/unknown-fund.md; None for a cause without one.

    What stands behind a colon, such as the code in `unknown-fund:ABC`, does not matter.
    """
    name = cause.partition(":")[0]
    return _page(_ELSEWHERE.get(name, name))


@cache
def _page(name: str) -> str | None:
    path = f"{FOLDER}/{name}.md"
    return path if _NAME.fullmatch(name) and (_CHECKOUT / path).is_file() else None
