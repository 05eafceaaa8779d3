"""`giftbridge find`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from giftbridge.domain.deliveries import Delivery
from ops.command.showing import moment, state_text, table
from ops.command.terminal import Terminal, verb
from ops.operating.explaining import as_json, why
from ops.operating.finding import DonorHit, Found, find_text
from ops.operating.problems import HEALTHY


@verb
def find(
    terminal: Terminal,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="A name, e-mail address, phone, id, invoice number or amount."),
    ],
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many donors.")] = 20,
) -> int:
    """Find donors and deliveries by what you have in hand.

    Names, e-mail addresses and phones are asked of RaiseDonors and not stored; ids and invoice numbers are looked up
    here. With each donor come their deliveries that are not settled, and why. A number of up to five digits is looked
    for as an amount too; write 50.00 to have it one. Exit code 0 also when nothing is found.
    """
    stack = terminal.stack
    with terminal.busy("looking"):
        found = find_text(stack, text, limit)
    parts: list[Any] = []
    if found.donors:
        columns = ("donor", "name", "e-mail", "found by", "not settled")
        parts.append(table(columns, (_donor_row(hit, found) for hit in found.donors)))
    if found.deliveries:
        columns = ("delivery", "donor", "state", "changed (UTC)", "why")
        parts.append(table(columns, map(_delivery_row, found.deliveries)))
    if not parts:
        parts.append("Nothing was found.")
    elif found.donors:
        parts.append(f"All that was done for one: giftbridge activity --donor {found.donors[0].donor_id} {stack.hint}")
    terminal.answer(_data(found), *parts, *_footer(found))
    return HEALTHY


def _donor_row(hit: DonorHit, found: Found) -> tuple[str, ...]:
    theirs = sum(delivery.donor_id == hit.donor_id for delivery in found.deliveries)
    return str(hit.donor_id), hit.name, hit.email, hit.why, str(theirs) if theirs else ""


def _delivery_row(delivery: Delivery) -> tuple[str | Text, ...]:
    donor = str(delivery.donor_id) if delivery.donor_id is not None else ""
    return delivery.id, donor, state_text(delivery), moment(delivery.updated_at), why(delivery)


def _footer(found: Found) -> list[str]:
    searched = [f"Searched: {'; '.join(found.searched)}."] if found.searched else []
    return [*searched, *(f"Not searched: {missed}." for missed in found.missed)]


def _data(found: Found) -> dict[str, Any]:
    return {
        "donors": [
            {"donor": hit.donor_id, "name": hit.name, "email": hit.email, "found_by": hit.why} for hit in found.donors
        ],
        "deliveries": [as_json(delivery) for delivery in found.deliveries],
        "searched": list(found.searched),
        "missed": list(found.missed),
    }
