"""What the simulated Virtuous keeps: contacts with their people, gifts, projects and rows that wait for the import."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ops.simulators.virtuous_shapes import ADDRESS_LINES

STAFF, IMPORT, API = "staff", "import", "api"
HOUSEHOLD = "Household"

FieldKey = tuple[str, int | None]
"""A field that travels, and the individual it belongs to; None for what belongs to the whole contact."""


@dataclass(slots=True)
class Reference:
    """A contact's id in another system. Which person it stands for since when is the simulator's own knowledge."""

    source: str
    id: str
    individual_id: int | None = None
    since: int = 0


@dataclass(slots=True)
class Contact:
    """A household, organisation or foundation. Its parts are kept under the names they have on the wire."""

    contact_id: int
    members: dict[str, Any]
    created: int
    modified: int
    individuals: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    created_by: str = STAFF
    modified_by: str = STAFF
    is_archived: bool = False
    merged_into: int | None = None
    writes: int = 0
    kind: str | None = None
    """What the population made it as; never on the wire."""

    @property
    def contact_type(self) -> str:
        """Household, Organization, Foundation or a custom type."""
        return str(self.members["contactType"])

    @property
    def is_household(self) -> bool:
        """Whether its names are those of its people."""
        return self.contact_type == HOUSEHOLD

    def individual(self, individual_id: int | None) -> dict[str, Any] | None:
        """A person of the contact."""
        return next((one for one in self.individuals if one["id"] == individual_id), None)

    @property
    def primary_individual(self) -> dict[str, Any] | None:
        """The first person of the contact."""
        return next((one for one in self.individuals if one["isPrimary"]), next(iter(self.individuals), None))

    @property
    def primary_address(self) -> dict[str, Any] | None:
        """The postal address that travels."""
        return next((address for address in self.addresses if address["isPrimary"]), None)


@dataclass(slots=True)
class Gift:
    """A gift that landed, or a reversal."""

    gift_id: int
    contact_id: int
    amount: Decimal
    members: dict[str, Any]
    created: int
    modified: int
    reversed_gift_id: int | None = None
    """The gift that this one takes back; never on the wire."""
    via_api: bool = True


@dataclass(slots=True)
class Project:
    """A project; what can only be written is kept apart."""

    project_id: int
    members: dict[str, Any]
    write_only: dict[str, Any]
    created: int
    modified: int


class RowState(StrEnum):
    """Where a row of the import tool is."""

    HELD = "held"
    LANDED = "landed"
    REFUSED = "refused"


@dataclass(slots=True)
class HeldRow:
    """One row that was handed to the import tool."""

    number: int
    kind: str
    """`contact` or `gift`."""
    source: str
    row: dict[str, Any]
    received: int
    state: RowState = RowState.HELD
    contact_id: int | None = None
    gift_id: int | None = None
    repeats: int = 0
    """How often the same gift was handed in again."""

    @property
    def identity(self) -> str:
        """The caller's own id of what the row is about."""
        return str(self.row.get("transactionId" if self.kind == "gift" else "referenceId") or "")


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One field that travels, changed: by whom, from what, to what."""

    at: int
    contact_id: int
    field: str
    individual_id: int | None
    old: Any
    new: Any
    by: str


def methods_of(individual: Mapping[str, Any], suffix: str) -> list[dict[str, Any]]:
    """The phones or the e-mails of a person."""
    return [method for method in individual["contactMethods"] if method["type"].endswith(suffix)]


def primary_value(individual: Mapping[str, Any], suffix: str) -> str:
    """The primary phone or e-mail of a person; nothing when there is none."""
    return next((str(method["value"]) for method in methods_of(individual, suffix) if method["isPrimary"]), "")


def address_lines(address: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The lines of an address, without outer blanks."""
    return tuple(str((address or {}).get(name) or "").strip() for name in ADDRESS_LINES)


def travelling_fields(contact: Contact) -> dict[FieldKey, Any]:
    """The present value of each field that travels, and of the e-mails, which must not."""
    fields: dict[FieldKey, Any] = {("address", None): address_lines(contact.primary_address)}
    if not contact.is_household:
        fields["name", None] = str(contact.members.get("name") or "")
    for individual in contact.individuals:
        own_id = individual["id"]
        if contact.is_household:
            fields["name", own_id] = (individual.get("firstName") or "", individual.get("lastName") or "")
        fields["phone", own_id] = primary_value(individual, "Phone")
        fields["email", own_id] = primary_value(individual, "Email")
    return fields


def changed_fields(
    contact: Contact, before: Mapping[FieldKey, Any], after: Mapping[FieldKey, Any], by: str
) -> Iterable[JournalLine]:
    """A line for each field that is not what it was."""
    for key in {**before, **after}:
        old, new = before.get(key, ""), after.get(key, "")
        if old != new:
            yield JournalLine(contact.modified, contact.contact_id, key[0], key[1], old, new, by)
