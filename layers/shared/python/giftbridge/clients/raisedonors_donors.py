"""A donor of RaiseDonors as a write needs it: beside their values, the ids of the entries that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import simplejson
from pydantic import BeforeValidator, Field

from giftbridge.clients.raisedonors_wire import read_donor, read_model
from giftbridge.clients.whole_answers import NotWhole, read_object
from giftbridge.clients.wire_models import Text, WireModel
from giftbridge.domain.change_sightings import OUR_NAME
from giftbridge.domain.donations import Donor
from giftbridge.domain.times import readable_moment
from giftbridge.errors import Rejected

OUR_ACTIVITY = "CrmSync"


@dataclass(frozen=True, slots=True)
class DonorRecord:
    """A donor as they are now. The ids are those of the entries that `donor.address` and `donor.phones[0]` show.

    `is_gone` is set on a donor that is archived, or deleted on request; `virtuous_key` is the key of our Virtuous
    integration.
    """

    donor: Donor
    modified_at: datetime | None
    address_id: int | None
    address_type: int | None
    phone_id: int | None
    is_gone: bool
    virtuous_key: str | None


class _AddressEntry(WireModel):
    id: int | None = None
    address_type: int | None = None
    is_primary: bool | None = None


class _PhoneEntry(WireModel):
    id: int | None = None
    value: Text = None
    is_primary: bool | None = None


class _Key(WireModel):
    key: Text = None


class _Record(WireModel):
    modified_date: Annotated[datetime | None, BeforeValidator(readable_moment)] = None
    is_archived: bool | None = None
    is_gdpr_deleted: bool | None = Field(None, alias="isGDPRDeleted")
    primary_address: _AddressEntry | None = None
    donor_addresses: list[_AddressEntry] | None = None
    donor_phone_numbers: list[_PhoneEntry] | None = None
    crm_key_urls: dict[str, _Key | None] | None = None


def read_donor_record(raw: object) -> DonorRecord:
    """A Donor with the ids of its primary entries. Raises Rejected naming the field that cannot be read."""
    donor, record = read_donor(raw), read_model(_Record, raw, "donor")
    mirror = [record.primary_address] if record.primary_address else []
    addresses = sorted(record.donor_addresses or mirror, key=lambda entry: not entry.is_primary)
    phones = sorted(record.donor_phone_numbers or [], key=lambda entry: not entry.is_primary)
    key = (record.crm_key_urls or {}).get("Virtuous")
    return DonorRecord(
        donor=donor,
        modified_at=record.modified_date,
        address_id=addresses[0].id if addresses else None,
        address_type=addresses[0].address_type if addresses else None,
        phone_id=next((entry.id for entry in phones if (entry.value or "").strip()), None),
        is_gone=bool(record.is_archived or record.is_gdpr_deleted),
        virtuous_key=((key.key if key else None) or "").strip() or None,
    )


def readable_records(raws: list[Any], wanted: str) -> list[DonorRecord]:
    """Those of some raw donors that can be read. Raises Rejected for another one in which the wanted text stands."""
    found: list[DonorRecord] = []
    for raw in raws:
        try:
            found.append(read_donor_record(raw))
        except Rejected:
            if wanted.strip().casefold() in simplejson.dumps(raw, use_decimal=True, ensure_ascii=False).casefold():
                raise
    return found


def without_email(body: Mapping[str, object]) -> dict[str, object]:
    """The body of a write. Raises ValueError when it holds an e-mail address (requirement E5)."""
    if any(name.casefold() == "email" for name in body):
        raise ValueError("an e-mail address never travels to RaiseDonors")
    return dict(body)


def activity_body(donor_id: int, subject: str, body: str) -> dict[str, object]:
    """An entry of a donor's activity that is told from a person's note by type and source (DonorActivityWrite)."""
    return {"donorId": donor_id, "type": OUR_ACTIVITY, "subject": subject, "body": body, "source": OUR_NAME}


def our_subjects(entries: list[Any]) -> list[str]:
    """The subjects of the entries that are no person's notes. Raises NotWhole where one of ours may stand unread."""
    subjects: list[str] = []
    for entry in map(read_object, entries):
        sort, subject = entry.get("type"), entry.get("subject")
        if not isinstance(sort, str):
            raise NotWhole("an entry without a type")
        if sort == OUR_ACTIVITY:
            if not isinstance(subject, str):
                raise NotWhole("an entry of ours without a subject")
            subjects.append(subject)
    return subjects
