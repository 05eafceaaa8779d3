"""What a gift seen in the feed means: a new delivery, an adopted one, one to reopen, or nothing (requirement A1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.domain.delivery_ids import AEGIS, donation_created_id, donation_refunded_id
from giftbridge.domain.delivery_life import AMBIGUOUS_CAUSES
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment
from giftbridge.domain.validation import APPROVED, REVERSED_STATUSES, UNSENT_STATUSES


@dataclass(frozen=True, slots=True)
class Sighting:
    """As much of a gift as the pickup needs; a member that could not be read is None."""

    donation_id: str
    donor_id: int | None
    status: str
    crm_key: str | None
    is_test_mode: bool
    created_at: datetime | None
    modified_at: datetime | None

    @property
    def is_reversed(self) -> bool:
        return self.status in REVERSED_STATUSES


REOPENABLE = frozenset({"not-approved", "test-mode", "reversed-before-sent", "before-start"})
# What a person decided to leave: no sighting takes it up again.
LEFT_BY_A_PERSON = "ignored-by-operator"


def delivery_for(
    sighting: Sighting,
    known: Delivery | None,
    settings: Settings,
    on: OnPeriods,
    now: datetime,
    destination: str = AEGIS,
) -> Delivery | None:
    """The delivery's next row, or None when this sighting changes nothing.

    `on` says when the destination took gifts. A CRM key on a gift is Aegis' invoice number: Virtuous has no donation
    that we did not send.
    """
    if known is not None:
        return _reopened(sighting, known, settings, on, now)
    new = life.new_delivery(
        id=donation_created_id(sighting.donation_id, destination),
        kind=Kind.DONATION_CREATED,
        donor_id=sighting.donor_id,
        entity_id=sighting.donation_id,
        now=now,
        destination=destination,
    )
    new = replace(new, result=_seen(sighting))
    if sighting.crm_key and destination == AEGIS:
        adopted = {
            **new.result,
            "invoice": sighting.crm_key,
            "how": "adopted: the donation carried a CRM key when first seen",
        }
        return replace(new, state=State.DELIVERED, result=adopted)
    if sighting.status in UNSENT_STATUSES:
        return None
    trouble = _why_not(sighting, settings, on)
    if trouble is None:
        return new
    return life.failed(new, trouble, now) if trouble.cause == "unknown-status" else life.ignored(new, trouble, now)


def refund_for(
    sighting: Sighting, original: Delivery | None, known: Delivery | None, now: datetime, *, is_first_sight: bool
) -> Delivery | None:
    """The next row of a refund's delivery, or None when there is none to send (requirement B1).

    `original` is the donation's own delivery as it is to be after this sighting. A donation that is not sent has no
    refund: its own row says why. An adopted one that is refunded when first seen may have its refund in Aegis already.
    """
    if not sighting.is_reversed or original is None or original.state is State.IGNORED:
        return None
    if known is None:
        new = life.new_delivery(
            id=donation_refunded_id(sighting.donation_id, original.destination),
            kind=Kind.DONATION_REFUNDED,
            donor_id=sighting.donor_id,
            entity_id=sighting.donation_id,
            now=now,
            destination=original.destination,
        )
        result = {"refunded_at": format_moment(sighting.modified_at or now), **_seen(sighting)}
        if is_first_sight:
            result["first_seen"] = "refunded"
        return replace(new, result=result)
    if known.state is State.IGNORED and known.trouble is not None and known.trouble.cause == LEFT_BY_A_PERSON:
        return None
    is_newer = _seen(sighting).get("modified", "") > known.result.get("modified", "")
    if known.state is State.IGNORED or (known.state is State.FAILED and is_newer and _may_reopen(known)):
        result = {**known.result, **_seen(sighting)}
        if known.state is State.IGNORED:
            result["refunded_at"] = format_moment(sighting.modified_at or now)
        return replace(life.reopened(known, now), result=result)
    return None


def _may_reopen(known: Delivery) -> bool:
    return known.trouble is not None and known.trouble.cause not in AMBIGUOUS_CAUSES


def _why_not(sighting: Sighting, settings: Settings, on: OnPeriods) -> Trouble | None:
    if sighting.created_at is not None and not on.holds(sighting.created_at):
        return Trouble(
            "before-start",
            _when_off(sighting.created_at, on),
            remedy="send it with `giftbridge backfill`, or set raisedonors.start_from",
        )
    if sighting.status in REVERSED_STATUSES:
        return Trouble("reversed-before-sent", f"already {sighting.status} when first seen: nothing is sent")
    if sighting.status != APPROVED:
        return Trouble(
            "unknown-status",
            f"status {sighting.status[:40]!r} is unknown",
            field="statusText",
            remedy="see the donation on RaiseDonors; it is sent as soon as it is Approved",
        )
    if sighting.is_test_mode and settings.raisedonors.test_mode_gifts == "ignore":
        return Trouble("test-mode", "a test-mode gift (setting raisedonors.test_mode_gifts)")
    return None


def _when_off(created_at: datetime, on: OnPeriods) -> str:
    """When a gift was created that is not to be sent, told from the switch's turns around it."""
    off, back = on.gap_around(created_at)
    if off is None:
        return f"created before {format_moment(back)}" if back is not None else "created while nothing was switched on"
    until = f" until {format_moment(back)}" if back is not None else ""
    return f"created while deliveries were switched off, from {format_moment(off)}{until}"


def _reopened(sighting: Sighting, known: Delivery, settings: Settings, on: OnPeriods, now: datetime) -> Delivery | None:
    """An ignored delivery whose reason went, or a failed one whose gift was changed on RaiseDonors since."""
    if known.trouble is None:
        return None
    if sighting.status in UNSENT_STATUSES:
        is_settled_now = known.state is State.FAILED and known.trouble.cause == "unknown-status"
        trouble = Trouble("not-approved", f"the payment is {sighting.status}")
        return life.ignored(known, trouble, now) if is_settled_now else None
    if known.state is State.IGNORED and known.trouble.cause in REOPENABLE:
        return life.reopened(known, now) if _why_not(sighting, settings, on) is None else None
    if known.state is State.FAILED and known.trouble.cause not in AMBIGUOUS_CAUSES:
        corrected = _seen(sighting).get("modified", "") > known.result.get("modified", "")
        still_unknown = known.trouble.cause == "unknown-status" and _why_not(sighting, settings, on) is not None
        if corrected and not still_unknown:
            return replace(life.reopened(known, now), result={**known.result, **_seen(sighting)})
    return None


def _seen(sighting: Sighting) -> dict[str, str]:
    """The gift's own modification time: a later one means that somebody changed it since."""
    return {"modified": format_moment(sighting.modified_at)} if sighting.modified_at is not None else {}
