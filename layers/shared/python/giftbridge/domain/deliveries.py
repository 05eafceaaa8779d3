"""A delivery: the work of bringing one change to one destination. Its life from state to state is in delivery_life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.remembered import Mirror
from giftbridge.errors import GiftBridgeError, Held


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


# Why a refund waits for its gift: for staff who run the import, or for a delivery that is worked on itself.
WAITS_FOR_ITS_GIFT = frozenset({"original-held", "original-open"})
PROJECT_COMES = "project-on-its-way"
# All causes of waiting for another delivery.
WAITS_FOR_ANOTHER = WAITS_FOR_ITS_GIFT | {"held", "behind-another", PROJECT_COMES}
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
    """Why a delivery is not delivered: what an operator reads and groups by. `waits_for` is the delivery before it."""

    cause: str
    text: str
    field: str | None = None
    remedy: str | None = None
    candidates: tuple[str, ...] = ()
    waits_for: str | None = None

    @classmethod
    def of(cls, error: GiftBridgeError) -> Trouble:
        """The trouble an error stands for, cut to what a row should hold."""
        candidates = getattr(error, "candidates", ())
        waits_for = error.waits_for if isinstance(error, Held) else None
        return cls(error.cause, error.text[:400], error.field, error.remedy, tuple(candidates)[:10], waits_for)

    def explain(self) -> str:
        """Field, problem and remedy in one sentence."""
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.text}" + (f" — {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the deliveries table. Moments are UTC; `revision` counts its writes.

    `due` is when it is to be worked on next, or when it failed or was ignored; `lease_until` is when the process that
    is sending is surely dead; `nudge` and `nudged_at` name the last message sent for it; `failed_nudge` the message it
    failed with, and `failed_message` the id that SQS gave it: a redriven one has the same name and another id;
    `result` holds the ids found and made so far; `mirrors` are keys still to be stored on RaiseDonors;
    `deaths` counts dead letters that found it with nobody getting anywhere;
    `fail_after_probe` is the trouble to fail with when a probe finds nothing; `reopened_from` is the trouble it had
    when it was reopened, until it ends again.
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
    failed_message: str = ""
    trouble: Trouble | None = None
    fail_after_probe: Trouble | None = None
    reopened_from: Trouble | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[Mirror, ...] = ()
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
        return self.waits_for_a_batch and not self.chunk

    @property
    def waits_for_a_batch(self) -> bool:
        """Whether the daily batch has it sent, with a chunk that it is in already, or with the next."""
        return self.destination == VIRTUOUS and self.kind in BATCHED and self.state is State.PENDING

    @property
    def may_still_send(self) -> bool:
        """Of a chunk: whether it may yet send the rows that are in it. An ended one gives up those it never sent."""
        return self.state in OPEN_STATES or self.state is State.FAILED

    @property
    def turn(self) -> str | None:
        """What is done for it next: turns of one name need about as many calls. A chunk's rows have turns of their own,
        since they may need more calls than an hour has.
        """
        if self.kind is Kind.IMPORT_CHUNK:
            return None
        return "look-up" if self.state is State.SENT else self.kind.value

    def is_leased(self, now: datetime) -> bool:
        """Whether a process that may still be alive is sending."""
        return self.state is State.SENDING and self.lease_until is not None and self.lease_until > now
