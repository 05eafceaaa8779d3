"""Records of the simulated Virtuous on the wire: stamps in many spellings, optional members absent or null."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ops.simulators.raisedonors_time import format_timestamp, moment_of
from ops.simulators.raisedonors_wire import varies
from ops.simulators.virtuous_records import Contact, Gift, Project

NULLABLE_OF_CONTACT = ("informalName", "formalContactName")
NULLABLE_OF_INDIVIDUAL = ("prefix", "middleName", "suffix", "nickname")
COUNTRY_NAMES = {
    "US": "United States", "CA": "Canada", "GB": "United Kingdom", "NL": "Netherlands", "DE": "Germany",
    "BR": "Brazil", "AU": "Australia", "IL": "Israel",
}  # fmt: skip
USERS = {"staff": "Dana Reed", "import": "Import Tool", "api": "GiftBridge Sync"}


def stamp(ticks: int, *salt: object) -> str:
    """An instant; always the same text for the same instant and record."""
    return format_timestamp(ticks, ":".join(str(part) for part in (*salt, ticks)))


def contact_as_read(contact: Contact, gifts: Iterable[Gift] = ()) -> dict[str, Any]:
    """A contact as it is read: with its primary address alone."""
    own_id = contact.contact_id
    primary = contact.primary_address
    giving = list(gifts)
    shown: dict[str, Any] = {
        "id": own_id,
        **_without_some_nulls("contact", own_id, contact.members, NULLABLE_OF_CONTACT),
        "customFields": _fields_as_list(contact.members.get("customFields") or {}),
        "address": None if primary is None else address_as_read(primary),
        "contactIndividuals": [individual_as_read(contact, one) for one in contact.individuals],
        "contactReferences": [{"source": one.source, "id": one.id} for one in contact.references],
        "contactGiftsUrl": f"/api/Gift/ByContact/{own_id}",
        "lifeToDateGiving": f"${sum((gift.amount for gift in giving), Decimal(0)):,.2f}",
        "lastGiftDate": max((gift.members["giftDate"][:10] for gift in giving), default="Unavailable"),
        "contactViewUrl": f"https://app.virtuoussoftware.com/Generosity/Contact/View/{own_id}",
        "createDateTimeUtc": stamp(contact.created, "contact", own_id),
        "createdByUser": USERS[contact.created_by],
        "modifiedDateTimeUtc": stamp(contact.modified, "contact", own_id),
        "modifiedByUser": USERS[contact.modified_by],
    }
    if contact.merged_into is not None or varies("contact", own_id, "mergedIntoContactId"):
        shown["mergedIntoContactId"] = contact.merged_into
    return shown


def contact_as_delivered(contact: Contact, *, is_new: bool) -> dict[str, Any]:
    """A contact as a delivery carries it: all addresses; neither references nor a modification time."""
    individuals: list[dict[str, Any]] = []
    for one in contact.individuals:
        person = individual_as_read(contact, one)
        if is_new and not person["contactMethods"]:
            person["contactMethods"] = None
        individuals.append(person)
    addresses = [address_as_read(address) for address in contact.addresses]
    return {
        "id": contact.contact_id,
        "name": contact.members.get("name"),
        "contactType": contact.contact_type,
        "customContactType": None,
        "contactAddresses": addresses or (None if varies("delivered", contact.contact_id) else []),
        "contactIndividuals": individuals,
        "tags": contact.members.get("tags") or [],
        "organizationGroups": contact.members.get("organizationGroups") or [],
    }


def individual_as_read(contact: Contact, individual: Mapping[str, Any]) -> dict[str, Any]:
    """A person of a contact."""
    own_id = individual["id"]
    methods = [_stamped("method", {**method, "canBePrimary": True}) for method in individual["contactMethods"]]
    shown = _without_some_nulls("individual", own_id, individual, NULLABLE_OF_INDIVIDUAL)
    return _stamped("individual", {**shown, "contactId": contact.contact_id, "contactMethods": methods})


def address_as_read(address: Mapping[str, Any]) -> dict[str, Any]:
    """A postal address; its country may be a name although a code was given."""
    country = address.get("country")
    if country in COUNTRY_NAMES and varies("country", address["id"]):
        country = COUNTRY_NAMES[country]
    seasons = dict.fromkeys(("startMonth", "startDay", "endMonth", "endDay"))
    return _stamped("address", {**address, "country": country, "canBePrimary": True, **seasons})


def gift_as_read(gift: Gift, contact: Contact | None) -> dict[str, Any]:
    """A gift as it is read."""
    day = gift.members["giftDate"][:10]
    year, month, number = day.split("-")
    return {
        "id": gift.gift_id,
        **{name: value for name, value in gift.members.items() if name != "customFields"},
        "contactId": gift.contact_id,
        "contactName": None if contact is None else contact.members.get("name"),
        "giftDate": f"{day}T00:00:00",
        "giftDateFormatted": f"{int(month)}/{int(number)}/{year}",
        "amount": gift.amount,
        "amountFormatted": f"${gift.amount:,.2f}",
        "customFields": _fields_as_list(gift.members.get("customFields") or {}),
        "createDateTimeUtc": stamp(gift.created, "gift", gift.gift_id),
        "modifiedDateTimeUtc": stamp(gift.modified, "gift", gift.gift_id),
    }


def gift_as_delivered(gift: Gift) -> dict[str, Any]:
    """A gift as a delivery carries it."""
    read = gift_as_read(gift, None)
    names = ("id", "contactId", "amount", "giftType", "giftDateFormatted", "giftDesignations")
    return {name: read[name] for name in names if name in read} | {
        "customFields": dict(gift.members.get("customFields") or {})
    }


def project_as_read(project: Project) -> dict[str, Any]:
    """A project as it is read: what can only be written is not in it."""
    return {
        "id": project.project_id,
        **project.members,
        "parentName": None,
        "isSubProject": project.members.get("parentId") is not None,
        "createDateTimeUtc": stamp(project.created, "project", project.project_id),
        "modifiedDateTimeUtc": stamp(project.modified, "project", project.project_id),
    }


def day_of(ticks: int, hours_from_utc: int = 0) -> str:
    """The day of an instant at some distance from UTC."""
    return moment_of(ticks + hours_from_utc * 36_000_000_000).date().isoformat()


def _stamped(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    created, modified = record.pop("created"), record.pop("modified")
    return {
        **record,
        "createDateTimeUtc": stamp(created, kind, record["id"]),
        "modifiedDateTimeUtc": stamp(modified, kind, record["id"]),
    }


def _without_some_nulls(kind: str, own_id: int, members: Mapping[str, Any], nullable: Iterable[str]) -> dict[str, Any]:
    shown = {name: value for name, value in members.items() if value is not None or name not in nullable}
    empty = [name for name in nullable if members.get(name) is None]
    return shown | {name: None for name in empty if varies(kind, own_id, name)}


def _fields_as_list(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value, "displayName": name.replace("_", " ")} for name, value in fields.items()]
