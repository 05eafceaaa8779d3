"""The life of a delivery from state to state.

pending ─► sending ─► delivered
   ▲          │  ├──► sent      a row is held by the import tool ─► landed: delivered
   │          │  ├──► waiting   due again by itself
   └──────────┤  ├──► failed    a person must look
              │  └──► ignored   with the reason
              └──────► unknown  request sent, answer lost ─► wait ─► probe

Each function takes a delivery and returns the next; the store writes it only if nobody else did meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from giftbridge.domain.deliveries import Attempt, Delivery, Kind, State, Trouble
from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id

# Outcomes that only a probe or a person may settle: a retry of these never sends before it has looked.
PARTNER_MERGED = "partner-merged"
AMBIGUOUS_CAUSES = frozenset(
    {"several-transactions", "several-pledges", "twin-unsettled", "refund-may-be-there", PARTNER_MERGED}
)


def new_delivery(
    *, id: str, kind: Kind, donor_id: int | None, entity_id: str, now: datetime, destination: str = "aegis"
) -> Delivery:
    """A delivery that is due now."""
    return Delivery(
        id=id,
        kind=kind,
        destination=destination,
        donor_id=donor_id,
        entity_id=entity_id,
        state=State.PENDING,
        created_at=now,
        updated_at=now,
        due=now,
    )


def new_donor_row(donor_id: int, now: datetime) -> Delivery:
    """A donor's details on their way into Virtuous' outbox."""
    return new_delivery(
        id=donor_updated_id(donor_id, VIRTUOUS),
        kind=Kind.DONOR_UPDATED,
        donor_id=donor_id,
        entity_id=str(donor_id),
        now=now,
        destination=VIRTUOUS,
    )


def sending(delivery: Delivery, attempt: Attempt, lease_until: datetime, now: datetime) -> Delivery:
    """The intent, written before the first byte that can change anything.

    The due time stays: whoever finds the row looks at its lease.
    """
    return replace(delivery, state=State.SENDING, attempt=attempt, lease_until=lease_until, updated_at=now)


def delivered(delivery: Delivery, now: datetime) -> Delivery:
    """Done. The attempt stays, as what was sent; keys still to be mirrored keep the row in sight of the sweep."""
    return replace(
        delivery,
        state=State.DELIVERED,
        row="",
        chunk="",
        lease_until=None,
        trouble=None,
        fail_after_probe=None,
        reopened_from=None,
        updated_at=now,
    )


def sent(delivery: Delivery, due: datetime, now: datetime) -> Delivery:
    """The import tool holds the row; at `due` it is asked whether the row has landed (requirement D3)."""
    return replace(
        delivery,
        state=State.SENT,
        due=due,
        chunk="",
        attempt=None,
        lease_until=None,
        trouble=None,
        fail_after_probe=None,
        reopened_from=None,
        attempts=0,
        first_failed_at=None,
        updated_at=now,
    )


def still_held(delivery: Delivery, due: datetime, now: datetime, trouble: Trouble | None = None) -> Delivery:
    """Looked up and not landed, or not to be looked up now: asked again at `due`."""
    return replace(delivery, state=State.SENT, due=due, trouble=trouble, lease_until=None, updated_at=now)


def waiting(delivery: Delivery, trouble: Trouble, due: datetime, now: datetime, *, counts: bool) -> Delivery:
    """Due again by itself. `counts` is False where waiting says nothing about this record."""
    return replace(
        delivery,
        state=State.WAITING,
        trouble=trouble,
        due=due,
        lease_until=None,
        attempts=delivery.attempts + (1 if counts else 0),
        first_failed_at=delivery.first_failed_at or (now if counts else None),
        updated_at=now,
    )


def unknown(delivery: Delivery, trouble: Trouble, due: datetime, now: datetime) -> Delivery:
    """The answer was lost; the attempt stays, for its probe."""
    return replace(
        delivery,
        state=State.UNKNOWN,
        trouble=trouble,
        due=due,
        lease_until=None,
        attempts=delivery.attempts + 1,
        first_failed_at=delivery.first_failed_at or now,
        updated_at=now,
    )


def still_unknown(delivery: Delivery, trouble: Trouble, due: datetime, now: datetime) -> Delivery:
    """The probe itself could not be made: look again later, never send."""
    return replace(delivery, state=State.UNKNOWN, trouble=trouble, due=due, lease_until=None, updated_at=now)


def surely_not_sent(delivery: Delivery, now: datetime) -> Delivery:
    """The probe found nothing: back to the start, remembering when the first attempt was."""
    return replace(delivery, state=State.PENDING, due=now, lease_until=None, updated_at=now)


def failed(delivery: Delivery, trouble: Trouble, now: datetime) -> Delivery:
    """A person must look. An attempt whose outcome is open stays, so that a retry probes first."""
    keeps_attempt = delivery.state is State.UNKNOWN or trouble.cause in AMBIGUOUS_CAUSES
    return replace(
        delivery,
        state=State.FAILED,
        trouble=trouble,
        fail_after_probe=None,
        reopened_from=None,
        lease_until=None,
        attempt=delivery.attempt if keeps_attempt else None,
        # A refused row was not held: a retry is made of what the source says by then.
        row=delivery.row if keeps_attempt else "",
        chunk="",
        failed_nudge=delivery.nudge,
        due=now,
        updated_at=now,
    )


def ignored(delivery: Delivery, trouble: Trouble, now: datetime, *, keeps_attempt: bool = False) -> Delivery:
    """Not to be sent, with the reason; reopened when that reason goes. An attempt that is kept is probed by then."""
    return replace(
        delivery,
        state=State.IGNORED,
        trouble=trouble,
        reopened_from=None,
        due=now,
        attempt=delivery.attempt if keeps_attempt else None,
        row=delivery.row if keeps_attempt else "",
        chunk="",
        lease_until=None,
        updated_at=now,
    )


def reopened(delivery: Delivery, now: datetime) -> Delivery:
    """A retry: due now, with fresh counts. What may have been sent is probed before anything is sent again."""
    state = State.UNKNOWN if delivery.attempt is not None else State.PENDING
    return replace(
        delivery,
        state=state,
        due=now,
        attempts=0,
        deaths=0,
        first_failed_at=None,
        lease_until=None,
        fail_after_probe=None,
        reopened_from=delivery.trouble,
        updated_at=now,
    )


def retry_delay(attempts: int, base_seconds: float, max_seconds: float, jitter: float) -> timedelta:
    """Capped exponential wait with jitter; `jitter` is a number from 0 to 1."""
    full = min(max_seconds, base_seconds * 2 ** min(attempts, 20))
    return timedelta(seconds=full / 2 + full / 2 * jitter)
