"""What a delivery remembers beside the ids it found: keys still to be stored on RaiseDonors, and facts for later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mirrored(StrEnum):
    """What is still to be stored on RaiseDonors: on a donation, donor or schedule Aegis' key, or what Virtuous said."""

    DONATION = "donation"
    DONOR = "donor"
    SCHEDULE = "schedule"
    VIRTUOUS = "virtuous"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class Mirror:
    """A key to be stored on the record with this id; as text `donor:48001:100008`."""

    what: Mirrored
    entity_id: str
    key: str

    def __str__(self) -> str:
        return f"{self.what}:{self.entity_id}:{self.key}"

    @classmethod
    def read(cls, text: str) -> Mirror:
        """The mirror that a text names. Raises ValueError for anything else."""
        what, entity_id, key = text.split(":", 2)
        return cls(Mirrored(what), entity_id, key)


def for_later(what: str, of: str | int) -> str:
    """The name of a fact that a later step needs: no key of it is told, and erasing its person drops it."""
    return f"{what}:{of}"


def is_for_later(name: str) -> bool:
    """Whether a fact is kept for a later step only: the names of those for people have no colon."""
    return ":" in name
