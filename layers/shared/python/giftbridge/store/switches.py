"""The history of a switch: when it was turned, so that what happened while it was on is told from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.on_periods import EVER, OnPeriods
from giftbridge.domain.restores import Restore
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import Write
from giftbridge.store.state import StateTable


def enabled_row(destination: str) -> str:
    """The name of the row that remembers when a destination was switched on and off."""
    return f"enabled#{destination}"


def switch_row(switch: str) -> str:
    """The name of the row that remembers when a part of a destination was switched on and off."""
    return f"switch#{switch}"


def read_periods(row: Mapping[str, Any] | None) -> OnPeriods:
    """What a row says. One of the version before names the newest moment alone, and none while it is off."""
    if row is None:
        return OnPeriods()
    if row.get("turns") is not None:
        return OnPeriods(tuple(parse_moment(turn) for turn in row["turns"]))
    return OnPeriods.since(parse_moment(row["at"])) if row.get("at") else OnPeriods()


def gift_periods(state: StateTable, crm: str, start_from: datetime | None) -> OnPeriods:
    """When gifts went to a CRM, as far as it is written down: by its own switches, or from a set start on."""
    on = OnPeriods.since(start_from) if start_from is not None else read_periods(state.get(enabled_row(crm)))
    row = state.get(switch_row("virtuous-gifts")) if crm == VIRTUOUS else None
    return on.both(read_periods(row)) if row is not None else on


def enabled_periods(state: StateTable, destination: str, now: datetime) -> OnPeriods:
    """When a destination was on, up to now; on from now, recorded, where that was never written down."""
    row = state.get(enabled_row(destination))
    known = read_periods(row)
    return known if known.is_on else _recorded(state, enabled_row(destination), row, known, now, is_on=True)


def switch_periods(state: StateTable, switch: str, now: datetime, *, is_on: bool) -> OnPeriods:
    """When a switch was on. One that was never turned has been on for ever; a turn that nobody recorded is, now."""
    row = state.get(switch_row(switch))
    if row is None and is_on:
        return OnPeriods.since(EVER)
    known = read_periods(row)
    if row is not None and known.is_on is is_on:
        return known
    return _recorded(state, switch_row(switch), row, known, now, is_on=is_on)


def turning(
    state: StateTable, name: str, now: datetime, restore: Restore | None, *, is_on: bool, was_on_for_ever: bool
) -> Write | None:
    """The write of a turn, to be made with the settings that turn it; None where the row says so already."""
    row = state.get(name)
    known = OnPeriods.since(EVER) if row is None and was_on_for_ever else read_periods(row)
    last_turn = known.turns[-1] if known.turns else None
    after = known.turned(restore.on_since(now, last_turn) if restore is not None and is_on else now, is_on=is_on)
    return state.replacing(name, _values(after), row) if after != known or row is None else None


def _recorded(
    state: StateTable, name: str, row: Mapping[str, Any] | None, known: OnPeriods, now: datetime, *, is_on: bool
) -> OnPeriods:
    after = known.turned(now, is_on=is_on)
    try:
        state.put(name, _values(after), row)
    except LostRace:
        fresh = state.get(name)
        return _recorded(state, name, fresh, read_periods(fresh), now, is_on=is_on)
    return after


def _values(periods: OnPeriods) -> dict[str, object]:
    """`at` is what the version before reads: the moment it went on last, None while it is off."""
    turns = [format_moment(turn) for turn in periods.turns]
    return {"at": turns[-1] if periods.is_on else None, "turns": turns}
