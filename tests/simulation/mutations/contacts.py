"""Guards of the way back and of the import tool: rows, what no webhook told of, schedules written whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.simulation.mutations.mutation import Mutation


def _made_anew(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rows, member, shared: original(rows, replace(member, row=""), shared)


def _not_there(_: Any) -> Callable[..., bool]:
    return lambda _landing, _work: False


def _does_not_look(_: Any) -> Callable[..., None]:
    return lambda _net, *, is_requested=False: None


def _what_is_required(_: Any) -> Callable[..., dict[str, Any]]:
    required = ("donorId", "frequency", "amount", "status", "projects")
    return lambda before, key: {**{name: before[name] for name in required}, "crmKey": key}


def _without_a_base(merge: Callable[..., Any]) -> Callable[..., Any]:
    return lambda base, ours, theirs, *given: merge(replace(base, ours=ours, theirs=theirs), ours, theirs, *given)


MUTATIONS = (
    Mutation(
        "merged-without-a-base",
        "a contact is merged with its donor without what both sides last agreed on",
        "giftbridge.flows.contact_updates:merge",
        _without_a_base,
        donations=60,
    ),
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
        "webhooks-alone",
        "nobody looks for edits in Virtuous that no webhook told of",
        "giftbridge.flows.contact_net:ContactNet.run",
        _does_not_look,
        ("webhook-lost",),
        donations=40,
    ),
    Mutation(
        "schedule-not-written-whole",
        "a pledge's key is stored on a schedule without what RaiseDonors does not require, which it then blanks",
        "giftbridge.clients.raisedonors:schedule_with_key",
        _what_is_required,
    ),
)
