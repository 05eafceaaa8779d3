"""How parts of a contact are put in: names, addresses and methods, by staff and by the import tool alike."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.virtuous_records import Contact, methods_of
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_store import VirtuousStore


def household_name(contact: Contact) -> str:
    """The name a household goes under: those of its people."""
    people = [one for one in contact.individuals if one.get("firstName") or one.get("lastName")]
    lasts = {one.get("lastName") for one in people}
    if len(people) > 1 and len(lasts) == 1:
        firsts = " and ".join(str(one.get("firstName") or "") for one in people[:2])
        return f"{firsts} {people[0].get('lastName') or ''}".strip()
    return " and ".join(f"{one.get('firstName') or ''} {one.get('lastName') or ''}".strip() for one in people[:2])


def settle_names(contact: Contact) -> None:
    """Make one person primary, and let a household's name follow its people."""
    if contact.individuals and not any(one["isPrimary"] for one in contact.individuals):
        contact.individuals[0]["isPrimary"] = True
    if contact.is_household:
        contact.members["name"] = household_name(contact)


def put_method(store: VirtuousStore, individual: dict[str, Any], kind: str, value: str) -> None:
    """Give a person a phone or an e-mail and make it the primary one; one that is there is taken up again."""
    suffix = "Email" if kind.endswith("Email") else "Phone"
    now = store.now()
    own = methods_of(individual, suffix)
    mark = value.strip().casefold()
    found = next((method for method in own if method["value"].casefold() == mark), None)
    if found is None:
        found = {
            "id": store.new_id("detail"), "type": kind, "value": value.strip(), "isOptedIn": True, "isPrimary": False,
            "created": now, "modified": now,
        }  # fmt: skip
        individual["contactMethods"].append(found)
    found["modified"] = individual["modified"] = now
    for method in methods_of(individual, suffix):
        method["isPrimary"] = method is found


def drop_methods(store: VirtuousStore, individual: dict[str, Any], suffix: str) -> None:
    """Take all phones or all e-mails away from a person."""
    gone = methods_of(individual, suffix)
    individual["contactMethods"] = [method for method in individual["contactMethods"] if method not in gone]
    individual["modified"] = store.now()


def put_address(
    store: VirtuousStore, contact: Contact, lines: Mapping[str, Any], *, is_primary: bool = True
) -> dict[str, Any]:
    """Give a contact an address; one with the same lines is taken up again."""
    now = store.now()
    given = {name: lines.get(name) for name in ADDRESS_LINES if lines.get(name)}
    found = next((address for address in contact.addresses if _says(address, given)), None)
    if found is None:
        empty = dict.fromkeys(ADDRESS_LINES)
        found = {
            "id": store.new_id("detail"), "label": "Home Address", **empty, **given, "isPrimary": False,
            "created": now, "modified": now,
        }  # fmt: skip
        contact.addresses.append(found)
    found["modified"] = now
    if is_primary or len(contact.addresses) == 1:
        for address in contact.addresses:
            address["isPrimary"] = address is found
    return found


def _says(address: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return all(str(address.get(name) or "").casefold() == str(value).casefold() for name, value in given.items())
