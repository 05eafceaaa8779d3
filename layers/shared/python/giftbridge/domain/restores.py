"""Tables that were restored to an earlier moment: what was done since is forgotten, so it is looked for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from giftbridge.domain.deliveries import Delivery, Step
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.times import format_moment, parse_moment

# In a delivery's result: since when the life before the restore may have sent it, and the steps looked for since.
RESTORED = "restored:to"
_LOOKED = "restored:looked"
# What is looked for by what would be sent. Partners and projects are matched before they are made, saves are repeated,
# and the import tool tells rows by their ids.
_LOOKED_FOR = frozenset({Step.TRANSACTION, Step.PLEDGE, Step.NOTE, Step.REVERSAL})


@dataclass(frozen=True, slots=True)
class Restore:
    """The tables are as they were `to`; the life before went on until `at`."""

    to: datetime
    at: datetime
    by: str

    def marked(self, delivery: Delivery, happened: datetime | None) -> Delivery:
        """A new delivery of something that happened before the restore was told of: it may have been sent then."""
        if happened is not None and happened >= self.at:
            return delivery
        return replace(delivery, result={**delivery.result, RESTORED: format_moment(self.to)})

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


def looked_for(facts: Mapping[str, str], step: Step) -> dict[str, str]:
    """The fact that a step is being looked for, so that it is made when it is not found."""
    return {_LOOKED: f"{facts.get(_LOOKED, '')} {step.value}".strip()}


def is_told_apart(delivery: Delivery) -> bool:
    """Whether sending it again does no harm: the import tool knows its rows by their ids."""
    return delivery.destination == VIRTUOUS and delivery.waits_for_a_batch
