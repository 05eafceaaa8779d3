"""Guards of what is written as a whole or repeated: rows of the import tool, a schedule on RaiseDonors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.simulation.mutations.mutation import Mutation


def _made_anew(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rows, member, shared: original(rows, replace(member, row=""), shared)


def _not_there(_: Any) -> Callable[..., bool]:
    return lambda _landing, _work: False


def _what_is_required(_: Any) -> Callable[..., dict[str, Any]]:
    required = ("donorId", "frequency", "amount", "status", "projects")
    return lambda before, key: {**{name: before[name] for name in required}, "crmKey": key}


MUTATIONS = (
    Mutation(
        "row-made-anew",
        "a row whose answer was lost is made anew, not repeated byte for byte",
        "giftbridge.flows.virtuous_rows:VirtuousRows.prepare",
        _made_anew,
        ("http-lost-after", "http-5xx-after"),
        donations=40,
    ),
    Mutation(
        "landing-not-looked-up",
        "nobody sees that a held gift has landed in Virtuous",
        "giftbridge.flows.virtuous_landing:VirtuousLanding.gift_landed",
        _not_there,
        donations=40,
    ),
    Mutation(
        "schedule-not-written-whole",
        "a pledge's key is stored on a schedule without what RaiseDonors does not require, which it then blanks",
        "giftbridge.clients.raisedonors:schedule_with_key",
        _what_is_required,
    ),
)
