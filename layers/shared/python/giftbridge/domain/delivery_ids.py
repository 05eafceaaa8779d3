"""Ids of deliveries: what happens once has an id made from it, what can happen again one for the entity and kind."""

from __future__ import annotations

AEGIS, VIRTUOUS, RAISEDONORS = "aegis", "virtuous", "raisedonors"


def donation_created_id(donation_id: int | str, destination: str = "aegis") -> str:
    """The id of bringing one donation to one destination."""
    return f"{destination}/donation/{donation_id}/created"


def donation_refunded_id(donation_id: int | str, destination: str = "aegis") -> str:
    """The id of bringing one donation's refund or void to one destination."""
    return f"{destination}/donation/{donation_id}/refunded"


def donation_adjusted_id(donation_id: int | str, number: str) -> str:
    """The id of putting right one transaction of a donation in Aegis, by another one."""
    return f"{AEGIS}/donation/{donation_id}/adjusted-{number}"


def schedule_changed_id(schedule_id: int | str, destination: str = "aegis") -> str:
    """The id of keeping one schedule's pledge as the schedule is."""
    return f"{destination}/schedule/{schedule_id}/changed"


def donor_updated_id(donor_id: int | str, destination: str = "aegis") -> str:
    """The id of keeping one donor's record as the donor is."""
    return f"{destination}/donor/{donor_id}/updated"


def donor_noted_id(note_id: int | str, destination: str = "aegis") -> str:
    """The id of bringing one note on a donor to one destination."""
    return f"{destination}/note/{note_id}/created"


def project_changed_id(project_id: int | str) -> str:
    """The id of keeping one project in Virtuous as it is on RaiseDonors."""
    return f"{VIRTUOUS}/project/{project_id}/changed"


def contact_updated_id(contact_id: int | str) -> str:
    """The id of keeping the donors of one contact as the contact is."""
    return f"{RAISEDONORS}/contact/{contact_id}/updated"


def chunk_id(batch: str, number: int) -> str:
    """The id of handing one chunk of a batch to the import tool."""
    return f"{VIRTUOUS}/chunk/{batch}/{number}"


def destination_of(delivery_id: str) -> str:
    """The destination that a delivery's id begins with."""
    return delivery_id.partition("/")[0]
