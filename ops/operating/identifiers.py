"""The forms in which a person may name a delivery or a donor; the same everywhere."""

from __future__ import annotations

import re

from giftbridge.domain.deliveries import Delivery, donation_created_id
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

_WHOLE = re.compile(r"[a-z]+/[a-z]+/[^/\s]+/[a-z]+")
_DONATION = re.compile(r"(?:donation[/#])?(\d+)")
_DONOR = re.compile(r"(?:donor[/#])?(\d+)")


def delivery_ids(text: str) -> list[str]:
    """Ids of the deliveries that an argument can mean: `aegis/donation/987/created`, `donation/987` or `987`.

    Raises WrongUsage.
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return [text]
    donation = _DONATION.fullmatch(text)
    if donation is None:
        raise WrongUsage(
            f"{text!r} names no delivery.",
            ["Give a donation's id (987 or donation/987), or a delivery's (aegis/donation/987/created)."],
        )
    return [donation_created_id(donation[1], destination) for destination in DESTINATIONS]


def donor_id(text: str) -> int:
    """A donor's id: `41` or `donor/41`. Raises WrongUsage."""
    found = _DONOR.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"{text!r} is no donor's id; give a number such as 41.")
    return int(found[1])


def deliveries_named(stack: Stack, text: str) -> list[Delivery]:
    """The deliveries that an argument means. Raises WrongUsage when there is none."""
    ids = delivery_ids(text)
    found = stack.tools.deliveries.get_many(ids)
    if not found:
        raise WrongUsage(
            f"There is no delivery {' or '.join(ids)}.",
            ["A donation gets one when it is Approved and picked up; `giftbridge pickup run --preview` looks ahead."],
        )
    return [found[name] for name in ids if name in found]
