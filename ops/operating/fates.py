"""What would become of a record at the next pickup, in a word and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giftbridge.domain.agreed import INACTIVE_STATUSES, Fields, changed_since
from giftbridge.domain.change_sightings import ChangeSighting
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State
from giftbridge.domain.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one record; `fate` is a word.

    `sort` is gifts, refunds, schedules, donors or notes on the way to Aegis, virtuous_gifts, virtuous_refunds or
    virtuous_contacts. `row` is what of an import row may be shown, `groups` the fields of an edit that would travel.
    """

    sort: str
    id: str
    donor_id: int | None
    status: str
    fate: str
    why: str
    row: Mapping[str, Any] | None = None
    groups: tuple[str, ...] | None = None


def of_gift(sighting: Sighting, before: Delivery | None, after: Delivery | None) -> tuple[str, str]:
    """`new`, `adopted`, `ignored`, `failed`, `not yet`, `known` or `reopened`, and why."""
    if before is not None:
        if after is not None:
            return "reopened", f"was {before.state.value}; changed on RaiseDonors since"
        return "known", f"is {before.state.value}"
    if after is None:
        return "not yet", f"the payment is {sighting.status}"
    if after.state is State.DELIVERED:
        return "adopted", f"carries CRM key {sighting.crm_key}: counts as delivered, is never sent"
    if after.trouble is not None:
        return after.state.value, after.trouble.explain()
    return "new", "would be sent"


def of_refund(original: Delivery | None, before: Delivery | None, after: Delivery | None) -> tuple[str, str]:
    """`sent`, `waits`, `neither` or `known`, and why; `original` is the donation's delivery after this sighting."""
    if before is not None and after is None:
        return "known", f"is {before.state.value}"
    if original is None:
        return "neither", "the original was never seen as approved: neither is sent"
    if original.state is State.DELIVERED:
        may_be_there = after is not None and "first_seen" in after.result
        why = f"one negative transaction for invoice {original.result.get('invoice', '?')}"
        return "sent", why + (", unless Aegis shows one that may be it: then a person decides" if may_be_there else "")
    if original.attempt is None:
        why = original.trouble.text if original.trouble else f"it is {original.state.value}"
        return "neither", f"the original was never sent: {why}"
    if original.state in OPEN_STATES:
        return "waits", f"for its original {original.id} ({original.state.value}); neither is sent if that never was"
    return "waits", f"for a person: what became of its original {original.id} is unclear"


def of_reversal(original: Delivery | None, before: Delivery | None, after: Delivery | None) -> tuple[str, str]:
    """The same on the way to Virtuous: a gift can be reversed once it has landed."""
    if before is not None and after is None:
        return "known", f"is {before.state.value}"
    if original is None or after is None:
        return "neither", "the original was never seen as approved: neither is sent"
    if original.state is State.DELIVERED:
        return "sent", f"gift {original.result.get('gift', '?')} is reversed"
    if original.state is State.SENT:
        return "waits", "for its original, which the import tool holds"
    if original.is_in_outbox:
        return "neither", "the original still waits for the batch: neither is sent"
    return "waits", f"for its original {original.id} ({original.state.value})"


def of_no_change(sighting: ChangeSighting, before: Delivery | None, base: Fields | None) -> tuple[str, str]:
    """`known`, `unchanged` or `unreadable`, and why, where a sighting of a schedule or donor changes nothing."""
    if before is not None and before.state is not State.DELIVERED:
        why = f": {before.trouble.explain()}" if before.trouble else ""
        return "known", f"is {before.state.value}{why}"
    if sighting.fields is None and base is None:
        return "unreadable", "the record cannot be read, and was never seen before"
    return "unchanged", "nothing that Aegis knows changed"


def of_change(
    sighting: ChangeSighting, before: Delivery | None, base: Fields | None, own_key: str | None, partner: str | None
) -> tuple[str, str]:
    """`sent`, `mailed`, `ignored`, `looked for`, `failed` or `counted again`, and why, naming the fields."""
    if sighting.fields is None:
        return "failed", "the record cannot be read: its delivery says which member is wrong"
    names = ", ".join(sorted(changed_since([base], sighting.fields))) if base else ""
    told = names or (
        "all that Aegis knows is compared" if base is not None else "amount, frequency and status compared"
    )
    if before is not None and before.state in OPEN_STATES:
        return "counted again", f"{told}; its delivery is {before.state.value} and takes this along"
    if sighting.kind is Kind.DONOR_UPDATED:
        return _edit(sighting, told, partner)
    return _schedule(sighting, told, own_key, partner)


def _edit(sighting: ChangeSighting, told: str, partner: str | None) -> tuple[str, str]:
    if partner is not None:
        return "sent", f"{told}; into partner {partner} while that is active, else to the notification list"
    if sighting.is_old:
        return "sent", f"{told}; into the partner that the donor's CRM key names, once that is verified"
    return "mailed", f"{told}; no partner in Aegis: the notification list is told"


def _schedule(sighting: ChangeSighting, told: str, own_key: str | None, partner: str | None) -> tuple[str, str]:
    is_live = (sighting.fields or {}).get("status") not in INACTIVE_STATUSES
    if own_key is not None:
        return "sent", f"{told}; into pledge {own_key}"
    if sighting.is_old:
        return "looked for", f"{told}; the pledge that its CRM key names, else one is made for a live schedule"
    if not is_live:
        return "ignored", f"{told}; there is no pledge to end"
    if partner is not None:
        return "sent", f"{told}; a pledge is made for partner {partner}"
    return "looked for", f"{told}; the donor's partner is searched; without one its first gift makes partner and pledge"


def of_note(planned: Delivery | None, known: Mapping[str, Delivery]) -> tuple[str, str]:
    """`new`, `known` or `unsent`, and why."""
    if planned is None:
        return "unsent", "no note of a person, or written before notes were switched on"
    if planned.id in known:
        return "known", f"is {known[planned.id].state.value}"
    return "new", "would become a note of the partner; is ignored where there is no partner"
