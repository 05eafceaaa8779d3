"""The work on one delivery: its row as last written, and the writes that take it from state to state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from giftbridge.domain import delivery_life as life
from giftbridge.domain.change_sightings import served_up_to
from giftbridge.domain.deliveries import Attempt, Delivery, Kind, State, Step, Trouble
from giftbridge.domain.notices import FieldChange, Notice
from giftbridge.domain.probing import FORGOTTEN, NOT_IT
from giftbridge.domain.remembered import Mirror, is_for_later
from giftbridge.domain.restores import looked_for, sent_since
from giftbridge.errors import LostRace, Rejected, UnknownOutcome
from giftbridge.flows.tools import Tools
from giftbridge.store.rows import Write, commit

log = logging.getLogger("giftbridge")
LEASE_SKEW = timedelta(seconds=5)
# What an attempt to save a whole record calls the entity it holds meanwhile.
HELD = "held"
_TRIES = 4
_MOST_ALSO = 80
_SETTLING = frozenset({Step.PARTNER, Step.PLEDGE})


@dataclass(slots=True)
class Work:
    """One delivery in hand; `stored` is its row as last read or written.

    `also` are writes that belong to the next step, `facts` what the result will tell, `mirrors` the keys to store on
    RaiseDonors once it is delivered; `turn_began_with` counts the sightings that what is read now is sure to show.
    `message` is the id of the message that has it worked on; `settling` are entities whose keys it may hold, beside
    those that its row tells of.
    """

    tools: Tools
    delivery: Delivery
    also: list[Write] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    mirrors: list[Mirror] = field(default_factory=list)
    message: str = ""
    settling: list[str] = field(default_factory=list)
    stored: Delivery = field(init=False)
    turn_began_with: int = field(init=False)

    def __post_init__(self) -> None:
        self.stored = self.delivery
        self.turn_began_with = self.delivery.wanted
        self.facts.update(self.delivery.result)
        self.mirrors += self.delivery.mirrors

    @property
    def now(self) -> datetime:
        return self.tools.now()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left but keys to be stored on RaiseDonors."""
        return self.delivery.state in {State.DELIVERED, State.IGNORED}

    @property
    def is_to_be_sent(self) -> bool:
        return self.delivery.state in {State.PENDING, State.WAITING}

    def begin(self, step: Step, values: Mapping[str, str]) -> None:
        """Write the intent to make a write at the destination, before its first byte leaves.

        Raises UnknownOutcome where a life before a restore may have made it: it is looked for first, as sent then.
        """
        now = self.now
        earlier = self.delivery.attempt
        before = sent_since(self.facts, step)
        if before is not None:
            self.facts |= looked_for(self.facts, step)
            earlier = Attempt("", step, before, before, {})
            values = {**values, FORGOTTEN: "yes"}
        is_again = earlier is not None and earlier.step is step
        first = earlier.first_started_at if earlier is not None and is_again else now
        if earlier is not None and is_again and NOT_IT in earlier.values:
            values = {**values, NOT_IT: earlier.values[NOT_IT]}
        attempt = Attempt(self.tools.token(6), step, now, first, values)
        lease_until = now + timedelta(seconds=max(0.0, self.tools.time_left.seconds())) + LEASE_SKEW
        self._save(life.sending(self.delivery, attempt, lease_until, now))
        if before is not None:
            raise UnknownOutcome("it may have been sent before the tables were restored", counts=False)

    def begin_turn(self) -> None:
        """The source is read anew from here on: all sightings counted so far are served by what it says."""
        self.turn_began_with = self.delivery.wanted

    def settle_key(self, entity: str, key: str, rule: str, ended: str = "") -> None:
        """Store a destination's key of one of our entities with the next step."""
        delivery = self.delivery
        write = self.tools.keys.settle(entity, delivery.destination, key, rule, delivery.id, self.now, ended)
        self.also = [other for other in self.also if other.label != entity] + [write]

    def hold_key(self, entity: str, ended: str = "") -> None:
        """Take the hold on an entity with the next step."""
        delivery = self.delivery
        self.also.append(self.tools.keys.hold(entity, delivery.destination, delivery.id, self.now, ended))

    def delivered(
        self,
        result: Mapping[str, str],
        why: str,
        *,
        proven: bool,
        claim: str | None = None,
        writes: Sequence[Write] = (),
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Write the fact, the claim on the record made, and the activity line as one, whoever moved the row meanwhile.

        `proven` is True when the destination itself answered this attempt: then a claim that another delivery's probe
        made on the same record was wrong, and that delivery goes to a person. `writes` belong to the fact. When the
        entity changed again since this turn began, the delivery is pending again. Raises LostRace.
        """
        attempt_id = self.delivery.attempt.id if self.delivery.attempt else None
        wrong_claimant: str | None = None
        self.facts.update(result)
        for _ in range(_TRIES):
            now = self.now
            after = served_up_to(life.delivered(self.delivery, now), self.turn_began_with, now)
            also = [*writes, self._line("delivered", why, {**self._told_facts(), **(details or {})})]
            if claim is not None:
                also.append(self._claiming(claim, take_over=wrong_claimant is not None))
            try:
                self._save(after, *also)
            except LostRace as lost:
                if claim is not None and claim in lost.rows:
                    if not proven:
                        raise
                    wrong_claimant = self.tools.keys.claimed_by([claim], self.delivery.destination).get(claim)
                if not self._row_still_ours(attempt_id):
                    raise
                continue
            if wrong_claimant is not None and claim is not None:
                self._correct(wrong_claimant, claim)
            return
        raise LostRace("the row kept changing while a delivery was recorded", (self.delivery.id,))

    def _claiming(self, claim: str, *, take_over: bool) -> Write:
        delivery = self.delivery
        return self.tools.keys.claim(claim, delivery.destination, delivery.id, self.now, take_over=take_over)

    def _row_still_ours(self, attempt_id: str | None) -> bool:
        """Whether the row, read again, still waits for this attempt's answer."""
        fresh = self.tools.deliveries.get(self.delivery.id)
        if fresh is not None and fresh.revision == self.stored.revision:
            # Only the sightings were counted on: what was to be written with the step still is.
            self._count_on(fresh)
            return True
        if fresh is None or fresh.attempt is None or fresh.attempt.id != attempt_id:
            return False
        if fresh.state not in {State.SENDING, State.UNKNOWN, State.FAILED}:
            return False
        self.also.clear()
        self.stored = self.delivery = fresh
        return True

    def _count_on(self, fresh: Delivery) -> None:
        """More sightings came in meanwhile."""
        self.stored = replace(self.stored, wanted=fresh.wanted, seen=fresh.seen)
        self.delivery = replace(self.delivery, wanted=fresh.wanted, seen=fresh.seen)

    def _correct(self, delivery_id: str, claim: str) -> None:
        """A probe had taken our record for another delivery's: a person decides what became of that one."""
        other = self.tools.deliveries.get(delivery_id)
        if other is None or other.state is not State.DELIVERED:
            return
        trouble = Trouble(
            "several-transactions",
            f"{claim} turned out to belong to {self.delivery.id}",
            remedy="look the donor's history up in Aegis, then decide with `giftbridge review`",
        )
        Work(self.tools, other).fail(trouble)

    def wait(self, trouble: Trouble, due: datetime, *, counts: bool) -> None:
        """Due again by itself."""
        if self.delivery.state is State.UNKNOWN:
            after = life.still_unknown(self.delivery, trouble, due, self.now)
        elif self.delivery.state is State.SENT:
            after = life.still_held(self.delivery, due, self.now, trouble)
        else:
            after = life.waiting(self.delivery, trouble, due, self.now, counts=counts)
        lines = [self._line("waiting", trouble.explain(), {"cause": trouble.cause})] if counts else []
        self._save(after, *lines)

    def sent(self, due: datetime, why: str, details: Mapping[str, object] | None = None) -> None:
        """The import tool holds the row; it is looked up at `due`."""
        self._end(lambda delivery: life.sent(delivery, due, self.now), "sent", why, details or {})

    def still_held(self, due: datetime) -> None:
        """Looked up, not landed: no line, it would be the same each time."""
        self._save(life.still_held(self.delivery, due, self.now))

    def unknown(self, trouble: Trouble, due: datetime, fail_after_probe: Trouble | None = None) -> None:
        """The answer was lost."""
        after = replace(
            life.unknown(self.delivery, trouble, due, self.now),
            fail_after_probe=fail_after_probe or self.delivery.fail_after_probe,
        )
        step = self.delivery.attempt.step.value if self.delivery.attempt else ""
        self._save(after, self._line("unknown", trouble.explain(), {"step": step}))

    def surely_not_sent(self) -> None:
        """The probe found nothing: go on as if for the first time, still within this run."""
        self._save(life.surely_not_sent(self.delivery, self.now), self._line("probed", "nothing was recorded", {}))

    def fail(self, trouble: Trouble) -> None:
        """A person must look."""

        def failed(delivery: Delivery) -> Delivery:
            return replace(life.failed(delivery, trouble, self.now), failed_message=self.message)

        self._end_in_trouble(failed, "failed", trouble)

    def ignore(self, trouble: Trouble, *, keeps_attempt: bool = False) -> None:
        """Not to be sent."""
        self._end_in_trouble(
            lambda delivery: life.ignored(delivery, trouble, self.now, keeps_attempt=keeps_attempt), "ignored", trouble
        )

    def reopen(self, why: str, run: str | None = None) -> None:
        """Start anew, probing first what may have been sent; `run` is the bulk retry that it is part of."""
        details = {"run": run} if run is not None else {}
        self._save(life.reopened(self.delivery, self.now), self._line("reopened", why, details))

    def make_room(self) -> None:
        """DynamoDB takes a hundred writes at once: those beyond are made now, each on what was read.

        Raises LostRace.
        """
        while len(self.also) > _MOST_ALSO:
            commit(self.tools.deliveries.client, self.also[:_MOST_ALSO])
            del self.also[:_MOST_ALSO]

    def save_row(self, writes: Sequence[Write]) -> None:
        """Write the row that is going to be sent, before it is (requirement D3)."""
        self._save(replace(self.delivery, updated_at=self.now), *writes)

    def drop_row(self) -> None:
        """The row was surely not held: the next one is made anew."""
        self._save(replace(self.delivery, row="", chunk="", updated_at=self.now))

    def save_mirrors(self, remaining: tuple[Mirror, ...], due: datetime, *lines: Write) -> None:
        """Note which keys are still to be stored on RaiseDonors."""
        self.mirrors = list(remaining)
        self._save(replace(self.delivery, due=due, updated_at=self.now), *lines)

    def agree(self, entity: str, fields: Mapping[str, str]) -> Write:
        """The write of what both sides agree on from now."""
        return self.tools.agreed.agree(entity, self.delivery.destination, fields, self.now)

    def notify(self, kind: str, about: str, text: str, changes: tuple[FieldChange, ...] = ()) -> None:
        """A notice for the notification list, with the next step."""
        self.also.append(self.tools.notices.waiting(Notice(kind, about, text, changes, self.delivery.id), self.now))

    def note(self, what: str, why: str, details: Mapping[str, object] | None = None) -> None:
        """An activity line with the next step."""
        self.also.append(self._line(what, why, details or {}))

    def _end_in_trouble(self, ended: Callable[[Delivery], Delivery], what: str, trouble: Trouble) -> None:
        details = {"cause": trouble.cause, "field": trouble.field, "candidates": list(trouble.candidates) or None}
        shown = {name: value for name, value in details.items() if value is not None}
        self._end(ended, what, trouble.explain(), shown)

    def _end(self, ended: Callable[[Delivery], Delivery], what: str, why: str, details: Mapping[str, object]) -> None:
        for _ in range(_TRIES):
            after = served_up_to(ended(self.delivery), self.turn_began_with, self.now)
            try:
                self._save(after, self._line(what, why, details))
            except LostRace:
                fresh = self.tools.deliveries.get(self.delivery.id)
                if fresh is None or fresh.revision != self.stored.revision or fresh.wanted == self.stored.wanted:
                    raise
                self._count_on(fresh)
                continue
            return
        raise LostRace("more and more sightings came in", (self.delivery.id,))

    def _line(self, what: str, why: str, details: Mapping[str, object]) -> Write:
        return self.tools.activity.line(
            self.delivery.donor_entity,
            now=self.now,
            what=what,
            why=why,
            delivery_id=self.delivery.id,
            details={"kind": self.delivery.kind.value, **details},
        )

    def _told_facts(self) -> dict[str, str]:
        """The facts for people, without those that are kept for a later step only."""
        return {name: value for name, value in self.facts.items() if value and not is_for_later(name)}

    def _save(self, after: Delivery, *writes: Write) -> None:
        after = replace(after, result=dict(self.facts), mirrors=tuple(self.mirrors))
        made = (*self.also, *writes, *self._released(after))
        self.stored = self.delivery = self.tools.deliveries.save(self.stored, after, *made)
        self.also.clear()

    def _released(self, after: Delivery) -> list[Write]:
        """The holds that are given back with a definite result: on a record saved whole, and on a key never found."""
        attempt = self.stored.attempt
        if after.state in {State.SENDING, State.UNKNOWN} or (after.state is State.FAILED and after.attempt is not None):
            return []
        if attempt is not None and attempt.step is Step.SAVE:
            was_open = self.stored.state in {State.SENDING, State.UNKNOWN}
            return [self._release(attempt.values[HELD])] if was_open else []
        if after.state not in {State.DELIVERED, State.IGNORED, State.FAILED}:
            return []
        written = {write.label for write in self.also}
        settling = [name for name in self._was_settling() if name not in written]
        rows = [(name, self.tools.keys.get(name, after.destination)) for name in settling]
        return [self._release(name) for name, row in rows if row and row.key is None and row.hold == after.id]

    def _release(self, entity: str) -> Write:
        return self.tools.keys.release(entity, self.delivery.destination, self.delivery.id)

    def _was_settling(self) -> list[str]:
        """The entities whose keys this delivery held: by its last attempt, and while a person chose a partner."""
        attempt = self.stored.attempt
        settling = [*self.settling]
        if attempt is not None and attempt.step in _SETTLING:
            settling.append(attempt.values["entity"])
        if any(one is not None and one.candidates for one in (self.stored.trouble, self.stored.reopened_from)):
            settling.append(self.delivery.donor_entity)
        return list(dict.fromkeys(settling))


def not_for(destination: str, kind: Kind) -> Rejected:
    """What a carrier says to a kind of change that its destination does not take."""
    return Rejected(f"{kind.value} does not go to {destination}", cause="wrong-destination", field="kind")
