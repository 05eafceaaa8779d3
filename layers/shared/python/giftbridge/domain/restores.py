"""Tables that were restored to an earlier moment: what was done since is forgotten, so it is looked for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from giftbridge.domain.change_sightings import ChangeSighting
from giftbridge.domain.deliveries import Delivery, State, Step
from giftbridge.domain.delivery_life import reopened
from giftbridge.domain.times import format_moment, parse_moment

# In a delivery's result: that both sides were compared since.
COMPARED = "restored:compared"
# In a delivery's result: since when the life before the restore may have sent it, and the steps looked for since.
RESTORED = "restored:to"
_LOOKED = "restored:looked"
# What is looked for by what would be sent. Partners and projects are matched before they are made, saves are repeated,
# and the import tool tells rows by their ids.
_LOOKED_FOR = frozenset({Step.TRANSACTION, Step.PLEDGE, Step.NOTE, Step.REVERSAL})
# So long after a restore a record that nothing is known of may be one that the life before knew: until the feeds have
# been read again from the restore point, whatever was away meanwhile.
_READ_AGAIN_WITHIN = timedelta(days=7)
# So long after a restore somebody saves anew the settings that it took away, rather than other ones.
_SAVED_ANEW_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Restore:
    """The tables are as they were `to`; the life before went on until `at`."""

    to: datetime
    at: datetime
    by: str

    def marked(self, delivery: Delivery, happened: datetime | None) -> Delivery:
        """A new delivery of something that happened before the restore was told of: it may have been sent then.

        A gift that was given back by now may have been sent before it was: it is looked for too. So is one that is not
        to be sent now, when it is to be later: of a backfill that was asked for, or approved again.
        """
        if happened is not None and happened >= self.at:
            return delivery
        if delivery.state is State.IGNORED and delivery.trouble and delivery.trouble.cause == "reversed-before-sent":
            delivery = replace(reopened(delivery, delivery.updated_at), trouble=None, reopened_from=None)
        if delivery.state is State.DELIVERED:
            return delivery
        return replace(delivery, result={**delivery.result, RESTORED: format_moment(self.to)})

    def of_life_before(self, sighting: ChangeSighting, known: Delivery | None, now: datetime) -> ChangeSighting:
        """A donor or a schedule that the life before may have known, so that no first sight of it is one.

        What it agreed on since is forgotten, until a delivery marked for this restore has compared both sides.
        """
        if known is not None and known.result.get(RESTORED) == format_moment(self.to):
            return sighting
        is_old = sighting.created_at is None or sighting.created_at < self.at
        may_be_known = is_old and now < self.at + _READ_AGAIN_WITHIN
        return replace(sighting, is_old=True, is_forgotten=True) if may_be_known else sighting

    def on_since(self, now: datetime, last_turn: datetime | None) -> datetime:
        """From when a switch counts as on that somebody turns on now: when the life before turned it is forgotten.

        A gift of that time must not be lost, and none is sent before it was looked for. A switch that was never on,
        or was turned since the restore point, is turned on now.
        """
        is_forgotten = last_turn is not None and last_turn <= self.to
        return self.to if is_forgotten and self.at <= now < self.at + _SAVED_ANEW_WITHIN else now

    def pledge_facts(self, facts: Mapping[str, str], schedule_made: datetime | None) -> dict[str, str]:
        """What a gift given since must know of an older schedule: the life before may have made its pledge."""
        if may_have_been_sent(facts) or (schedule_made is not None and schedule_made >= self.at):
            return {}
        return {RESTORED: format_moment(self.to), _LOOKED: Step.TRANSACTION.value}

    def as_row(self) -> dict[str, Any]:
        """As the state table holds it."""
        return {"to": format_moment(self.to), "at": format_moment(self.at), "by": self.by}


def read_restore(row: Mapping[str, Any] | None) -> Restore | None:
    """The restore that a row of the state table tells of."""
    return Restore(parse_moment(row["to"]), parse_moment(row["at"]), str(row["by"])) if row is not None else None


def sent_since(facts: Mapping[str, str], step: Step) -> datetime | None:
    """Since when a step may have been made by the life before a restore; None where it is known that it was not."""
    if RESTORED not in facts or step not in _LOOKED_FOR or step.value in facts.get(_LOOKED, "").split():
        return None
    return parse_moment(facts[RESTORED])


def may_have_been_sent(facts: Mapping[str, str]) -> bool:
    """Whether the life before a restore may have sent this."""
    return RESTORED in facts


def is_to_be_compared(facts: Mapping[str, str]) -> bool:
    """Whether what both sides agreed on may have been forgotten, and was not compared since."""
    return RESTORED in facts and COMPARED not in facts


def looked_for(facts: Mapping[str, str], step: Step) -> dict[str, str]:
    """The fact that a step is being looked for, so that it is made when it is not found."""
    return {_LOOKED: f"{facts.get(_LOOKED, '')} {step.value}".strip()}
