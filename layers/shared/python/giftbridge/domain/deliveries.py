"""A delivery: the work of bringing one change to one destination, and its life from state to state.

pending ─► sending ─► delivered
   ▲          │  ├──► sent      a row is held by the import tool ─► landed: delivered
   │          │  ├──► waiting   due again by itself
   └──────────┤  ├──► failed    a person must look
              │  └──► ignored   with the reason
              └──────► unknown  request sent, answer lost ─► wait ─► probe

Each function here takes a delivery and returns the next; the store writes it only if nobody else did meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id
from giftbridge.errors import GiftBridgeError


class State(StrEnum):
    """Where a delivery is in its life."""

    PENDING = "pending"
    SENDING = "sending"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    IGNORED = "ignored"


class Step(StrEnum):
    """The write that is being made at the destination."""

    PARTNER = "partner"
    PLEDGE = "pledge"
    TRANSACTION = "transaction"
    SAVE = "save"
    NOTE = "note"
    IMPORT = "import"
    REVERSAL = "reversal"
    PROJECT = "project"
    DONOR = "donor"
    REFERENCE = "reference"


class Kind(StrEnum):
    """What happened at the source."""

    DONATION_CREATED = "donation.created"
    DONATION_REFUNDED = "donation.refunded"
    DONATION_ADJUSTED = "donation.adjusted"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_ENDED = "schedule.ended"
    DONOR_UPDATED = "donor.updated"
    DONOR_NOTED = "donor.noted"
    PROJECT_CHANGED = "project.changed"
    CONTACT_UPDATED = "contact.updated"
    IMPORT_CHUNK = "import.chunk"


# Causes of waiting that name the delivery waited for.
WAITS_FOR_ANOTHER = frozenset({"held", "original-open", "behind-another"})
OPEN_STATES = frozenset({State.PENDING, State.SENDING, State.WAITING, State.UNKNOWN})
# What the import tool takes in bulk: a delivery of these waits in the outbox for the daily batch (requirement D1).
BATCHED = frozenset({Kind.DONATION_CREATED, Kind.DONOR_UPDATED})
_MONEY = frozenset({Kind.DONATION_CREATED, Kind.DONATION_REFUNDED, Kind.DONATION_ADJUSTED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write that may have reached the destination, with what its probe needs as it was sent."""

    id: str
    step: Step
    started_at: datetime
    first_started_at: datetime
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a delivery is not delivered: what an operator reads and groups by."""

    cause: str
    text: str
    field: str | None = None
    remedy: str | None = None
    candidates: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: GiftBridgeError) -> Trouble:
        """The trouble an error stands for, cut to what a row should hold."""
        candidates = getattr(error, "candidates", ())
        return cls(error.cause, error.text[:400], error.field, error.remedy, tuple(candidates)[:10])

    def explain(self) -> str:
        """Field, problem and remedy in one sentence."""
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.text}" + (f" — {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the deliveries table. Moments are UTC; `revision` counts its writes.

    `due` is when it is to be worked on next, or when it failed or was ignored; `lease_until` is when the process that
    is sending is surely dead; `nudge` and `nudged_at` name the last message sent for it; `failed_nudge` the message it
    failed with;
    `result` holds the ids found and made so far; `mirrors` are keys still to be stored on RaiseDonors;
    `deaths` counts dead letters that found it with nobody getting anywhere;
    `fail_after_probe` is the trouble to fail with when a probe finds nothing.
    What can happen again to one entity has one delivery: `wanted` counts its sightings, `served` is the count that the
    destination was brought up to, `seen` the mark of the newest sighting. What happens once keeps both at 0.
    Of the import tool: `row` is the row as sent, JSON repeated byte for byte; `chunk` names the delivery that carries
    it, `members` are those a chunk carries. What a backfill asked for goes behind all live work.
    `corrections` are values that a person set in place of the source's, for this delivery alone; `corrected_from` are
    the source's as they were then.
    """

    id: str
    kind: Kind
    destination: str
    donor_id: int | None
    entity_id: str
    state: State
    created_at: datetime
    updated_at: datetime
    due: datetime
    revision: int = 0
    attempts: int = 0
    deaths: int = 0
    first_failed_at: datetime | None = None
    attempt: Attempt | None = None
    lease_until: datetime | None = None
    nudge: str | None = None
    nudged_at: datetime | None = None
    failed_nudge: str | None = None
    trouble: Trouble | None = None
    fail_after_probe: Trouble | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    wanted: int = 0
    served: int = 0
    seen: str = ""
    row: str = ""
    chunk: str = ""
    members: tuple[str, ...] = ()
    is_backfill: bool = False
    corrections: Mapping[str, str] = field(default_factory=dict)
    corrected_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def donor_entity(self) -> str:
        """The entity whose activity tells this delivery's story."""
        return f"donor#{self.donor_id}" if self.donor_id is not None else f"delivery#{self.id}"

    @property
    def is_urgent(self) -> bool:
        """Money goes before edits wherever both wait."""
        return self.kind in _MONEY and not self.is_backfill

    @property
    def is_in_outbox(self) -> bool:
        """Whether it waits for the daily batch, in no chunk yet."""
        is_batched = self.destination == VIRTUOUS and self.kind in BATCHED
        return is_batched and self.state is State.PENDING and not self.chunk

    def is_leased(self, now: datetime) -> bool:
        """Whether a process that may still be alive is sending."""
        return self.state is State.SENDING and self.lease_until is not None and self.lease_until > now


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
        lease_until=None,
        attempt=delivery.attempt if keeps_attempt else None,
        # A refused row was not held: a retry is made of what the source says by then.
        row=delivery.row if keeps_attempt else "",
        chunk="",
        failed_nudge=delivery.nudge,
        due=now,
        updated_at=now,
    )


# Outcomes that only a probe or a person may settle: a retry of these never sends before it has looked.
AMBIGUOUS_CAUSES = frozenset({"several-transactions", "several-pledges", "twin-unsettled", "refund-may-be-there"})


def ignored(delivery: Delivery, trouble: Trouble, now: datetime, *, keeps_attempt: bool = False) -> Delivery:
    """Not to be sent, with the reason; reopened when that reason goes. An attempt that is kept is probed by then."""
    return replace(
        delivery,
        state=State.IGNORED,
        trouble=trouble,
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
        updated_at=now,
    )


def retry_delay(attempts: int, base_seconds: float, max_seconds: float, jitter: float) -> timedelta:
    """Capped exponential wait with jitter; `jitter` is a number from 0 to 1."""
    full = min(max_seconds, base_seconds * 2 ** min(attempts, 20))
    return timedelta(seconds=full / 2 + full / 2 * jitter)
