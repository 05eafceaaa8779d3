"""Guards of reading: how far the pickup looks back, all pages, and the time that a gift is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from giftbridge.domain.deliveries import State
from tests.simulation.mutations.mutation import Mutation


def _not_back(_: Any) -> timedelta:
    return timedelta(0)


def _done_after_a_page(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda steps, moments, total: replace(original(steps, moments, total), is_done=True)


def _since_it_was_last_turned(original: Callable[..., bool]) -> Callable[..., bool]:
    return lambda periods, moment: original(periods, moment) and moment >= periods.turns[-1]


def _second_edit_passed_over(original: Callable[..., Any]) -> Callable[..., Any]:
    def change_for(sighting: Any, known: Any, agreed: Any, now: Any) -> Any:
        if known is not None and known.state in {State.DELIVERED, State.IGNORED}:
            return None
        return original(sighting, known, agreed, now)

    return change_for


MUTATIONS = (
    Mutation(
        "no-long-look-back",
        "the pickup does not look back for gifts that become visible later than their own time",
        "giftbridge.flows.feed_walk:LONG_LOOK_BACK",
        _not_back,
        ("late-visible",),
    ),
    Mutation(
        "first-page-only",
        "the pickup takes the first page of a feed for the whole",
        "giftbridge.domain.feed_steps:Steps.after",
        _done_after_a_page,
        ("small-constants",),
        donations=40,
    ),
    Mutation(
        "on-since-the-last-switch",
        "what was given before a destination was switched off and on again counts as given while it was off",
        "giftbridge.domain.on_periods:OnPeriods.holds",
        _since_it_was_last_turned,
        ("settings-flips",),
        donations=40,
    ),
    Mutation(
        "edits-seen-once",
        "the second edit of a donor or a schedule is passed over",
        "giftbridge.flows.change_feeds:change_for",
        _second_edit_passed_over,
        donations=40,
    ),
)
