"""Who settles a key: one delivery at a time, until a definite result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State
from giftbridge.errors import Held
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work

_WAIT = timedelta(seconds=5)
_WAIT_FOR_A_PERSON = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class KeyState:
    """A settled key, or None with the name of an ended delivery whose hold may be taken over."""

    key: str | None
    ended: str = ""


def key_or_free(tools: Tools, work: Work, entity: str, system: str) -> KeyState:
    """The entity's key at the destination, or leave to settle it.

    Raises Held while another delivery settles it, or waits for a person to settle it.
    """
    row = tools.keys.get(entity, system)
    if row is None or (row.key is None and row.hold in {None, work.delivery.id}):
        return KeyState(None)
    if row.key is not None:
        return KeyState(row.key)
    holder = tools.deliveries.get(str(row.hold))
    if holder is None or not _still_settles(holder):
        return KeyState(None, ended=str(row.hold))
    wait = _WAIT_FOR_A_PERSON if holder.state is State.FAILED else _WAIT
    text = f"{entity} is being settled by {holder.id} ({holder.state})"
    raise Held(text, waits_for=holder.id, not_before=work.now + wait)


def _still_settles(holder: Delivery) -> bool:
    """An ended delivery gives its hold up, unless what it sent is unclear or a person is choosing for it."""
    if holder.state in OPEN_STATES:
        return True
    unclear = holder.attempt is not None or bool(holder.trouble and holder.trouble.candidates)
    return holder.state is State.FAILED and unclear


def require_no_open_donation(tools: Tools, work: Work) -> None:
    """Raises Held while a donation of the same donor is on its way to the same destination.

    It may make the key that is missing now; one on its way elsewhere makes none here.

    A courtesy found through an index, not a guarantee.
    """
    if work.delivery.donor_id is None:
        return
    for other in tools.deliveries.of_donor(work.delivery.donor_id):
        is_there = other.destination == work.delivery.destination and other.kind is Kind.DONATION_CREATED
        if not is_there or other.state not in OPEN_STATES:
            continue
        waits_for_us = other.trouble is not None and other.trouble.waits_for == work.delivery.id
        if not waits_for_us:
            raise Held(f"{other.id} is on its way ({other.state})", waits_for=other.id, not_before=work.now + _WAIT)
