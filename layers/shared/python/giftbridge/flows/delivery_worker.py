"""Working through a batch of nudges: whose turn it is, what an error means for the delivery, what to hand back.

The same for every destination; what is done there comes in as `carry` and `probe`.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from giftbridge.delivery_queue import Nudge, read_nudge
from giftbridge.domain.deliveries import WAITS_FOR_ANOTHER, Delivery, State, Trouble
from giftbridge.domain.delivery_life import retry_delay
from giftbridge.errors import (
    BudgetSpent,
    Forbidden,
    GiftBridgeError,
    Held,
    LostRace,
    RefusedHere,
    Rejected,
    RetryLater,
    Skipped,
    UnknownOutcome,
)
from giftbridge.flows.health import Health
from giftbridge.flows.tools import Tools
from giftbridge.flows.whose_trouble import REFUSED_HERE, whose
from giftbridge.flows.work import Work

log = logging.getLogger("giftbridge")
THREADS = 8
TRIES_BEFORE_A_PERSON = 8
_REFUSALS_BEFORE_A_PERSON = 3
_REMEDY_OF_KEEPING = "look at the record in the system that fails it, then retry"
_SHORTEST_TURN_SECONDS = 10.0
_BLOCKED_FOR = timedelta(seconds=5)
_MOST_TURNS = 3
_WAITS_FOR_ITS_TIME = frozenset({State.WAITING, State.UNKNOWN, State.SENT})
_LOOKED_UP_AGAIN_AFTER = timedelta(hours=1)
# Most outages are short: nobody is to wait for long after the end of one.
_SOON_OVER = timedelta(hours=1)
_LONGEST_AT_FIRST = 300.0


class Carrier(Protocol):
    """What one destination does with a delivery."""

    destination: str
    systems: tuple[str, ...]
    """Whom it calls: all must be healthy."""

    def carry(self, work: Work) -> None:
        """Bring the change to the destination, up to `delivered`, or raise."""

    def probe(self, work: Work) -> None:
        """Find out whether the lost request landed: `delivered`, or `surely_not_sent`, or raise."""

    def follow(self, work: Work) -> None:
        """Look up whether a row held by the import tool has landed."""

    def mirror(self, work: Work) -> None:
        """Store the new keys on RaiseDonors; what could not be stored stays on the row."""

    def ping(self, system: str) -> None:
        """A harmless read that proves one of the systems works."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """`hand_back` are the ids of messages that stay in the queue; `counts` how many deliveries ended where."""

    hand_back: tuple[str, ...]
    counts: Mapping[str, int]


class DeliveryWorker:
    """Works through batches. Groups run side by side on a few threads, each group in order."""

    def __init__(self, tools: Tools, carrier: Carrier, threads: int = THREADS) -> None:
        self.tools = tools
        self.carrier = carrier
        self.threads = threads
        self.health = Health(tools)

    def work(self, records: Sequence[Mapping[str, Any]]) -> BatchOutcome:
        """Work on the deliveries a batch of messages names. Only messages that were tried are handed back."""
        groups: dict[str, list[Nudge]] = defaultdict(list)
        for record in records:
            nudge = read_nudge(record)
            if nudge is None:
                log.warning("a message that is no nudge was dropped", extra={"message_id": record.get("messageId")})
            else:
                groups[nudge.group].append(nudge)
        self.health.forget()
        results = self.tools.side_by_side(self._group, list(groups.values()), self.threads)
        counts: Counter[str] = Counter()
        hand_back: list[str] = []
        for returned, ended in results:
            hand_back += returned
            counts.update(ended)
        self.tools.budgets.give_back()
        return BatchOutcome(tuple(hand_back), counts)

    def _group(self, nudges: Sequence[Nudge]) -> tuple[list[str], list[str]]:
        hand_back: list[str] = []
        ended: list[str] = []
        behind: Delivery | None = None
        for nudge in nudges:
            outcome, delivery = self._turn(nudge, behind)
            ended.append(outcome)
            if outcome in {"handed-back", "failed"}:
                self._give_back(nudge)
            if outcome in {"handed-back", "failed", "crashed"}:
                hand_back.append(nudge.message_id)
            if outcome in {"waiting", "unknown"} and delivery is not None and _is_in_trouble(delivery):
                behind = delivery
        return hand_back, ended

    def _turn(self, nudge: Nudge, behind: Delivery | None) -> tuple[str, Delivery | None]:
        """One nudge's turn: what became of its delivery. Nothing a delivery holds can stop the batch."""
        try:
            delivery = self.tools.deliveries.get(nudge.delivery_id)
            if delivery is None:
                return "gone", None
            if delivery.destination != self.carrier.destination:
                # Worked on here it would be done twice; its own queue gets another nudge from the sweep.
                log.error(
                    "a message in the wrong queue was dropped",
                    extra={"delivery": delivery.id, "destination": delivery.destination},
                )
                return "wrong-queue", None
            work = Work(self.tools, delivery, message=nudge.message_id)
            work.delivery = replace(delivery, nudge=nudge.name)
            outcome = self._ready(work, nudge, behind)
            if outcome is not None:
                return outcome, work.delivery
            self._attempt(work)
            return work.delivery.state.value, work.delivery
        except LostRace:
            return "left-to-another", None
        except Exception as error:
            log.exception(
                "a delivery could not be worked on",
                extra={"delivery": nudge.delivery_id, "error": type(error).__name__},
            )
            return "crashed", None

    def _ready(self, work: Work, nudge: Nudge, behind: Delivery | None) -> str | None:
        """None when it is this delivery's turn; else what was done instead."""
        settled = self._settled(work, nudge)
        if settled is not None:
            return settled
        now = self.tools.now()
        if work.delivery.is_leased(now):
            return "leased"
        if work.delivery.state is State.SENDING:
            self._process_died(work)
        if work.delivery.state in _WAITS_FOR_ITS_TIME and work.delivery.due > now:
            return "not-due"
        time_left = self.tools.time_left
        if time_left.seconds() < min(_SHORTEST_TURN_SECONDS, 0.3 * time_left.whole):
            if work.is_to_be_sent:
                work.wait(Trouble("no-time", "the run before it had no time left"), now, counts=False)
            return "no-time"
        if behind is not None and work.is_to_be_sent:
            trouble = Trouble("behind-another", f"behind {behind.id} of the same donor", waits_for=behind.id)
            work.wait(trouble, behind.due, counts=False)
            return "waiting"
        return None

    def _settled(self, work: Work, nudge: Nudge) -> str | None:
        """What a nudge for a delivery that has ended means: nothing, on to the dead letters, or back from them."""
        delivery = work.delivery
        if work.is_done and not delivery.mirrors:
            return "already-settled"
        if delivery.state is not State.FAILED:
            return None
        if nudge.name != delivery.failed_nudge:
            return "already-failed"
        if _is_on_its_way_out(delivery, nudge):
            return "handed-back"
        work.reopen("redriven from the dead-letter queue")
        return None

    def _process_died(self, work: Work) -> None:
        """The lease ran out: the process is dead, and its request may still land."""
        _, settings = self.tools.settings()
        ended = work.delivery.lease_until or work.now
        due = ended + timedelta(seconds=settings.retries.unknown_wait_seconds)
        trouble = Trouble("process-died", "the process that was sending died")
        gives_up = work.delivery.attempts + 1 >= TRIES_BEFORE_A_PERSON
        work.unknown(trouble, due, fail_after_probe=replace(trouble, cause="worker-died") if gives_up else None)

    def _attempt(self, work: Work) -> None:
        systems = () if work.is_done else self.carrier.systems
        blocked = self.health.blocks(systems, work.delivery.id)
        if blocked is not None:
            # Due soon: while the destination is closed nobody is nudged, and when it opens nobody is to sleep on.
            due = min(blocked[1], self.tools.now() + _BLOCKED_FOR)
            work.wait(Trouble("destination-blocked", blocked[0]), due, counts=False)
            return
        with ExitStack() as turn:
            try:
                turn.enter_context(self.tools.budgets.reserved(systems, work.delivery.turn))
            except BudgetSpent as spent:
                # Not begun: what a turn reads is lost with it, and it would be read again at the next.
                work.wait(Trouble.of(spent), spent.not_before or self.tools.now(), counts=False)
                return
            self._carry_out(work)

    def _carry_out(self, work: Work) -> None:
        try:
            self._bring(work)
        except LostRace:
            raise
        except GiftBridgeError as raised:
            was_trial = self.health.of(self.carrier.destination).trial == work.delivery.id
            error = self._believed(raised, wrote=work.delivery.state is State.SENDING)
            self._settle(work, error)
            if was_trial and isinstance(error, Held | Skipped):
                # The ping went well, and what stopped the delivery says nothing about the destination.
                self.health.note_success(self.carrier.destination)
        if work.mirrors and work.delivery.state in {State.DELIVERED, State.FAILED, State.IGNORED}:
            self.carrier.mirror(work)

    def _bring(self, work: Work) -> None:
        """Probe what may have been sent, then send what surely was not."""
        if work.is_done:
            return
        if self.health.of(self.carrier.destination).trial == work.delivery.id:
            self.carrier.ping(self.carrier.destination)
        if work.delivery.state is State.SENT:
            self.carrier.follow(work)
        if work.delivery.state is State.UNKNOWN:
            self._probe(work)
        for _ in range(_MOST_TURNS):
            # Pending again at once when the entity changed while it was being worked on.
            if work.is_to_be_sent:
                work.begin_turn()
                self.carrier.carry(work)
        self.health.note_success(self.carrier.destination)

    def _probe(self, work: Work) -> None:
        give_up = work.delivery.fail_after_probe
        self.carrier.probe(work)
        if work.delivery.state is State.PENDING and give_up is not None:
            work.fail(give_up)

    # --- what an error means ------------------------------------------------------------------------------

    def _believed(self, error: GiftBridgeError, *, wrote: bool) -> GiftBridgeError:
        """An answer that would stop a system, or fail a delivery, is believed only beside a harmless read."""
        system = error.system if isinstance(error, Forbidden | Rejected) else None
        return error if system is None else whose(error, lambda: self.carrier.ping(system), system, wrote=wrote)

    def _settle(self, work: Work, error: GiftBridgeError) -> None:
        """From the error to the delivery's next state and the systems' health."""
        now, trouble = self.tools.now(), Trouble.of(error)
        _, settings = self.tools.settings()
        if work.delivery.state is State.SENT:
            # Its row is held whatever a look-up says.
            work.wait(trouble, getattr(error, "not_before", None) or now + _LOOKED_UP_AGAIN_AFTER, counts=False)
            self.health.note_trouble(error, self.carrier.destination, work.delivery.donor_entity)
            return
        if isinstance(error, Skipped):
            work.ignore(trouble)
            return
        if isinstance(error, Rejected):
            work.fail(trouble)
            if error.status is not None:
                self.health.note_success(self.carrier.destination)
            return
        if isinstance(error, UnknownOutcome):
            due = now + timedelta(seconds=settings.retries.unknown_wait_seconds)
            keeps_failing = self._keeps_failing(work.delivery, trouble, error.system)
            work.unknown(trouble, due, fail_after_probe=trouble if keeps_failing else None)
        elif isinstance(error, RetryLater):
            self._later(work, error, trouble)
        else:
            work.wait(trouble, now + self._delay(work.delivery), counts=False)
        self.health.note_trouble(error, self.carrier.destination, work.delivery.donor_entity)

    def _later(self, work: Work, error: RetryLater, trouble: Trouble) -> None:
        due = error.not_before or self.tools.now() + self._delay(work.delivery)
        is_refused_here = isinstance(error, RefusedHere)
        is_told = error.counts or is_refused_here
        if (
            is_told
            and work.delivery.state is not State.UNKNOWN
            and self._keeps_failing(work.delivery, trouble, error.system)
        ):
            keeps = replace(
                trouble, cause=f"keeps-failing:{trouble.cause}", remedy=trouble.remedy or _REMEDY_OF_KEEPING
            )
            work.fail(trouble if is_refused_here else keeps)
        else:
            # A trial while the breaker is open speaks of the destination, not of the record.
            is_trial = self.health.of(self.carrier.destination).opened_at is not None
            work.wait(trouble, due, counts=is_told and not is_trial)

    def _delay(self, delivery: Delivery) -> timedelta:
        _, settings = self.tools.settings()
        retries = settings.retries
        longest, since = retries.max_seconds, delivery.first_failed_at
        if since is None or self.tools.now() - since < _SOON_OVER:
            longest = min(longest, _LONGEST_AT_FIRST)
        return retry_delay(delivery.attempts, retries.base_seconds, longest, self.tools.jitter())

    def _keeps_failing(self, delivery: Delivery, trouble: Trouble, system: str | None) -> bool:
        """Whether this record has failed again and again while others succeeded, with the system that fails it too."""
        if trouble.cause == REFUSED_HERE:
            is_again = delivery.trouble is not None and delivery.trouble.cause == REFUSED_HERE
            return is_again and delivery.attempts + 1 >= _REFUSALS_BEFORE_A_PERSON
        if delivery.attempts + 1 < TRIES_BEFORE_A_PERSON or delivery.first_failed_at is None:
            return False
        # A lost answer that was found says nothing about the source.
        for name in {self.carrier.destination, system or self.carrier.destination}:
            last_success = self.tools.state.destination(name).last_success_at
            if last_success is None or last_success <= delivery.first_failed_at:
                return False
        return True

    def _give_back(self, nudge: Nudge) -> None:
        try:
            self.tools.queue.give_back(nudge)
        except Exception as error:
            log.warning("a message waits for its visibility time-out", extra={"error": type(error).__name__})


def _is_on_its_way_out(delivery: Delivery, nudge: Nudge) -> bool:
    """Whether this is the message that the delivery failed with, which the redrive policy moves to the dead letters.

    One that was redriven has another id, however often it was received: a throttled function swallows receives. A row
    of the version before knows no id.
    """
    if delivery.failed_message:
        return nudge.message_id == delivery.failed_message
    return nudge.receives > 1


def _is_in_trouble(delivery: Delivery) -> bool:
    """Whether a delivery waits because a system failed it: one that waits for another must not hold that one up."""
    return delivery.attempts > 0 and (delivery.trouble is None or delivery.trouble.cause not in WAITS_FOR_ANOTHER)
