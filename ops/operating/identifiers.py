"""The forms in which a person may name a delivery or a donor; the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from giftbridge.domain.deliveries import Delivery, Kind
from giftbridge.domain.delivery_ids import (
    AEGIS,
    VIRTUOUS,
    contact_updated_id,
    donation_created_id,
    donation_refunded_id,
    donor_noted_id,
    donor_updated_id,
    project_changed_id,
    schedule_changed_id,
)
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack

# What an id argument is told to people as, in every verb's help.
FORMS = "987, donation/987, schedule/7, donor/41, note/5, project/3, contact/4107 or aegis/donation/987/created"
_WHOLE = re.compile(r"[a-z]+/[a-z]+/[^/\s]+/(?:[a-z]+|\d+|adjusted-\d+)")
_NAMED = re.compile(r"(?:(donation|schedule|donor|note|project|contact)[/#])?(\d+)")
_DONOR = re.compile(r"(?:donor[/#])?(\d+)")
# What has deliveries to which destinations, and how their ids are made.
_IDS: Mapping[str, tuple[Callable[[str], str], ...]] = {
    "donation": (
        lambda number: donation_created_id(number, AEGIS),
        lambda number: donation_refunded_id(number, AEGIS),
        lambda number: donation_created_id(number, VIRTUOUS),
        lambda number: donation_refunded_id(number, VIRTUOUS),
    ),
    "schedule": (schedule_changed_id,),
    "donor": (lambda number: donor_updated_id(number, AEGIS), lambda number: donor_updated_id(number, VIRTUOUS)),
    "note": (donor_noted_id,),
    "project": (project_changed_id,),
    "contact": (contact_updated_id,),
}
_WHEN = {
    "donation": "A donation gets one when it is Approved and picked up; `giftbridge pickup run --preview` looks ahead.",
    "schedule": "A schedule gets one with its first change that Aegis is to know of; its gifts have their own.",
    "donor": "A donor gets one with the first edit after they were first seen; "
    "`giftbridge activity --donor ID` shows all that was done.",
    "note": "Notes get one only while the setting aegis.send_notes is on.",
    "project": "A project gets one at the daily batch that first sees it new or changed; `giftbridge batch run` looks.",
    "contact": "A contact gets one when Virtuous' webhook, or the hourly query, first tells of it.",
    "chunk": "`giftbridge deliveries --kind import.chunk` lists the chunks of the last batches.",
}
# Which kind of change a delivery's id stands for; an ended schedule has the id of a changed one.
_KINDS = {
    ("donation", "created"): Kind.DONATION_CREATED,
    ("donation", "refunded"): Kind.DONATION_REFUNDED,
    ("donation", "adjusted"): Kind.DONATION_ADJUSTED,
    ("schedule", "changed"): Kind.SCHEDULE_CHANGED,
    ("donor", "updated"): Kind.DONOR_UPDATED,
    ("note", "created"): Kind.DONOR_NOTED,
    ("project", "changed"): Kind.PROJECT_CHANGED,
    ("contact", "updated"): Kind.CONTACT_UPDATED,
}


def delivery_ids(text: str) -> list[str]:
    """Ids of the deliveries that an argument can mean, in one of the FORMS: a donation's also its refund's.

    A bare number is a donation's. What goes to several destinations has a delivery to each. Raises WrongUsage.
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return [text]
    named = _NAMED.fullmatch(text)
    if named is None:
        raise WrongUsage(f"{text!r} names no delivery.", [f"Give {FORMS}."])
    return [make(named[2]) for make in _IDS[named[1] or "donation"]]


def kind_of(delivery_id: str) -> Kind | None:
    """The kind of change that a delivery's id stands for, without reading the delivery."""
    if not _WHOLE.fullmatch(delivery_id):
        return None
    _, what, _, happened = delivery_id.split("/")
    return Kind.IMPORT_CHUNK if what == "chunk" else _KINDS.get((what, happened.partition("-")[0]))


def donor_id(text: str) -> int:
    """A donor's id: `41` or `donor/41`. Raises WrongUsage."""
    found = _DONOR.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"{text!r} is no donor's id; give a number such as 41.")
    return int(found[1])


def deliveries_named(stack: Stack, text: str) -> list[Delivery]:
    """The deliveries that an argument means, those that exist. Raises WrongUsage when there is none."""
    ids = delivery_ids(text)
    found = stack.tools.deliveries.get_many(ids)
    if not found:
        when = _WHEN.get(ids[0].split("/")[1])
        raise WrongUsage(f"There is no delivery {' or '.join(ids)}.", [when] if when else [])
    return [found[name] for name in ids if name in found]
