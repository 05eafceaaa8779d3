"""Erasing what is stored of a donor's person: values go; ids, amounts, states and moments stay (design 5).

Each step finds for itself what is left to do, so that an erasure that was broken off is finished by the next, and one
that was finished changes nothing. What an unfinished request still needs stays until that is settled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.domain.notices import WaitingNotice
from giftbridge.domain.remembered import is_for_later
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.feed_walk import pages_since
from giftbridge.store.index_pages import donor_index
from giftbridge.store.rows import commit, delete, from_item, to_item, update
from ops.operating.problems import NeedsPerson
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack

ERASED = "(erased)"
NOT_REACHED = (
    "RaiseDonors, Aegis and Virtuous: erase the person there; what they still hold is read again when it changes",
    "the tables' point-in-time recovery, which forgets after 35 days",
    "e-mails that were sent to the notification list",
)
_MOST_NOTICES = 10_000
_MOST_DELIVERIES = 5_000
_MOST_SCHEDULE_PAGES = 500
_TRIES = 5
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SCHEDULES = frozenset({Kind.SCHEDULE_CHANGED, Kind.SCHEDULE_ENDED})
# What an activity line may keep: words of ours, ids and amounts. Anything else may be a person's.
_KEPT = frozenset(
    {
        "amount",
        "cause",
        "contact",
        "donor",
        "erased fields",
        "field",
        "gift",
        "invoice",
        "kind",
        "notice",
        "partner",
        "pledge",
        "project",
        "refund_of",
        "reversed",
        "rows",
        "rule",
        "run",
        "step",
    }
)
_ID = re.compile(r"[A-Za-z#/-]{0,20}\d[\w/.-]{0,40}")


@dataclass(frozen=True, slots=True)
class ErasePlan:
    """What is stored of a donor's person. `unfinished` are deliveries that still need theirs; `missed` was not seen.

    `lines` are activity lines' keys and new values, `notices` keys, `agreed` keys of rows that both sides agreed on.
    """

    donor: int
    lines: tuple[tuple[Mapping[str, str], Mapping[str, Any]], ...]
    notices: tuple[str, ...]
    agreed: tuple[tuple[str, str], ...]
    deliveries: tuple[Delivery, ...]
    unfinished: tuple[Delivery, ...]
    open: tuple[Delivery, ...]
    missed: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase now."""
        return not (self.lines or self.notices or self.agreed or self.deliveries)

    @property
    def counts(self) -> dict[str, int]:
        """How much is erased where."""
        return {
            "activity lines": len(self.lines),
            "waiting notices": len(self.notices),
            "agreed values": len(self.agreed),
            "deliveries": len(self.deliveries),
        }


def plan_erasure(stack: Stack, donor: int) -> ErasePlan:
    """What erasing a donor would do; nothing is written."""
    deliveries = _deliveries_of(stack, donor)
    unfinished = tuple(delivery for delivery in deliveries if _is_unfinished(delivery))
    # A request that may have landed is told by what was agreed on when it was sent.
    agreed, missed = ([], []) if unfinished else _agreed_rows(stack, donor, deliveries)
    return ErasePlan(
        donor=donor,
        lines=tuple(_lines(stack, donor, deliveries)),
        notices=tuple(notice.key for notice in _notices(stack, donor, deliveries)),
        agreed=tuple(agreed),
        deliveries=tuple(d for d in deliveries if not _is_unfinished(d) and _without_person(d) != d),
        unfinished=unfinished,
        open=tuple(d for d in deliveries if d.state in {State.PENDING, State.WAITING} and not _is_unfinished(d)),
        missed=tuple(missed),
    )


def erase(stack: Stack, plan: ErasePlan, who: str) -> ErasePlan:
    """Carry a plan out and say so in the activity, once; what is left then, as a new plan."""
    tools = stack.tools
    _each(stack, plan.deliveries, lambda delivery: _erase_delivery(stack, delivery))
    _each(stack, plan.agreed, lambda row: _delete_agreed(stack, *row))
    tools.notices.forget(plan.notices)
    _each(stack, plan.lines, lambda line: _erase_line(stack, *line))
    if not plan.is_empty:
        told = ", ".join(f"{count} {name}" for name, count in plan.counts.items() if count)
        line = tools.activity.line(
            f"donor#{plan.donor}",
            now=tools.now(),
            what="erased",
            why=f"what was stored of this person: {told}",
            who=who,
        )
        commit(tools.activity.client, [line])
    return plan_erasure(stack, plan.donor)


def _each(stack: Stack, things: tuple[Any, ...], work: Any) -> None:
    stack.tools.side_by_side(work, things, stack.tools.threads)


def _delete_agreed(stack: Stack, entity: str, system: str) -> None:
    keys = stack.tools.keys
    commit(keys.client, [delete(keys.table, {"entity": entity, "system": system}, entity)])


# --- deliveries -------------------------------------------------------------------------------------------------


def _deliveries_of(stack: Stack, donor: int) -> list[Delivery]:
    read = stack.tools.deliveries
    marks, _ = donor_index(read.client, read.table).newest(f"donor#{donor}", _MOST_DELIVERIES)
    return list(read.get_many(mark.id for mark in marks).values())


def _is_unfinished(delivery: Delivery) -> bool:
    """Whether a request may have landed, or a row is held, that is told by the values that were sent."""
    if delivery.state in {State.SENDING, State.UNKNOWN, State.SENT}:
        return True
    return (delivery.state is State.FAILED and delivery.attempt is not None) or bool(delivery.chunk)


def _without_person(delivery: Delivery) -> Delivery:
    """The row with nothing in it that came from a person: what a later step needs is read from RaiseDonors again."""
    return replace(
        delivery,
        row="",
        attempt=replace(delivery.attempt, values={}) if delivery.attempt is not None else None,
        corrections={},
        corrected_from={},
        result={name: value for name, value in delivery.result.items() if not is_for_later(name)},
        trouble=_bare(delivery.trouble),
        fail_after_probe=_bare(delivery.fail_after_probe),
        reopened_from=_bare(delivery.reopened_from),
    )


def _bare(trouble: Trouble | None) -> Trouble | None:
    if trouble is None:
        return None
    return replace(trouble, text=ERASED, candidates=tuple(one for one in trouble.candidates if _ID.fullmatch(one)))


def _erase_delivery(stack: Stack, delivery: Delivery) -> None:
    """As it is now: one that went on since is erased too, unless it has begun a request."""
    for _ in range(_TRIES):
        try:
            stack.tools.deliveries.save(delivery, _without_person(delivery))
        except LostRace:
            fresh = stack.tools.deliveries.get(delivery.id)
            if fresh is None or _is_unfinished(fresh):
                return
            delivery = fresh
            continue
        return


# --- activity ---------------------------------------------------------------------------------------------------


def _lines(stack: Stack, donor: int, deliveries: list[Delivery]) -> list[tuple[Mapping[str, str], Mapping[str, Any]]]:
    """Lines that hold more than they may keep. As long as nobody knew whose contact it was, its lines stood apart."""
    entities = [f"donor#{donor}"]
    entities += [f"delivery#{delivery.id}" for delivery in deliveries if delivery.kind is Kind.CONTACT_UPDATED]
    found = [line for entity in entities for line in stack.tools.activity.since(entity, "0")]
    changed: list[tuple[Mapping[str, str], Mapping[str, Any]]] = []
    for line in found:
        if line["what"] == "erased":
            continue
        after = {"why": ERASED, "details": _kept_details(line.get("details") or {}) or None}
        if line["why"] != ERASED or line.get("details") != after["details"]:
            changed.append(({"entity": str(line["entity"]), "at": str(line["at"])}, after))
    return changed


def _kept_details(details: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in details.items() if name in _KEPT}
    candidates = [one for one in details.get("candidates") or () if _ID.fullmatch(str(one))]
    changes = [*(details.get("changes") or ()), *(details.get("conflicts") or ())]
    fields = list(dict.fromkeys(str(change["field"]) for change in changes))
    return {
        **kept,
        **({"candidates": candidates} if candidates else {}),
        **({"erased fields": fields} if fields else {}),
    }


def _erase_line(stack: Stack, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
    activity = stack.tools.activity
    write = update(activity.table, key, values, "line", "attribute_exists(entity)")
    try:
        commit(activity.client, [write])
    except LostRace:
        # Its time was over meanwhile.
        return


def _notices(stack: Stack, donor: int, deliveries: list[Delivery]) -> list[WaitingNotice]:
    ids = {delivery.id for delivery in deliveries}
    waiting = stack.tools.notices.oldest(_MOST_NOTICES)
    return [one for one in waiting if one.notice.about == f"donor#{donor}" or one.notice.delivery_id in ids]


# --- what both sides agreed on ----------------------------------------------------------------------------------


def _agreed_rows(stack: Stack, donor: int, deliveries: list[Delivery]) -> tuple[list[tuple[str, str]], list[str]]:
    """Keys of the rows of the donor and of their schedules, which hold who pays; and what could not be seen."""
    schedules = {delivery.entity_id for delivery in deliveries if delivery.kind in _SCHEDULES}
    missed = []
    try:
        schedules |= _schedules_of(stack, donor)
    except (NeedsPerson, GiftBridgeError) as error:
        missed.append(f"schedules that never changed could not be looked up on RaiseDonors: {error.text}")
    entities = [f"donor#{donor}", *(f"schedule#{number}" for number in sorted(schedules))]
    found = stack.tools.side_by_side(lambda entity: _agreed_of(stack, entity), entities, stack.tools.threads)
    return [key for keys in found for key in keys], missed


def _agreed_of(stack: Stack, entity: str) -> list[tuple[str, str]]:
    keys = stack.tools.keys
    answer = keys.client.query(
        TableName=keys.table,
        KeyConditionExpression="entity = :entity",
        ExpressionAttributeValues=to_item({":entity": entity}),
        ConsistentRead=True,
    )
    rows = map(from_item, answer["Items"])
    return [(entity, str(row["system"])) for row in rows if str(row["system"]).endswith("/agreed")]


def _schedules_of(stack: Stack, donor: int) -> set[str]:
    """RaiseDonors lists no donor's schedules: all are read."""
    source, found = raisedonors(stack), set[str]()
    for raws, _ in islice(pages_since(source.schedules_modified_since, _LONG_AGO), _MOST_SCHEDULE_PAGES):
        found |= {str(raw.get("id")) for raw in raws if isinstance(raw, dict) and raw.get("donorId") == donor}
    return found
