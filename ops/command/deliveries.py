"""`giftbridge deliveries`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.times import format_moment
from giftbridge.flows.vitals import held_since
from ops.command.activity import lines_table
from ops.command.filters import InState, OfCause, OfDay, OfDonor, OfKind, ToDestination, WithText, filter_of
from ops.command.showing import moment, pairs, sightings, state_text, table
from ops.command.terminal import Terminal, verb
from ops.operating import story
from ops.operating.explaining import as_json, held_text, original_of, row_as_sent, told_result, what_next, why
from ops.operating.identifiers import FORMS, deliveries_named
from ops.operating.listing import Listing, find
from ops.operating.problems import HEALTHY, PERSON_NEEDED
from ops.operating.stack import Stack

_LINES = 20


@verb
def deliveries(
    terminal: Terminal,
    name: Annotated[
        str | None,
        typer.Argument(metavar="ID", help=f"Explain what this names: {FORMS}."),
    ] = None,
    state: InState = None,
    kind: OfKind = None,
    donor: OfDonor = None,
    day: OfDay = None,
    destination: ToDestination = None,
    cause: OfCause = None,
    text: WithText = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="Go on where a list ended, as it said.")] = None,
    row: Annotated[
        bool, typer.Option("--row", help="With an ID: show the row for Virtuous' import tool, names and all.")
    ] = False,
) -> int:
    """List deliveries, or explain one.

    Without an ID: those that changed last come first. With an ID: everything about it, and exit code 1 when it waits
    for a person. A donation's id names its deliveries to every system, and its refund's, where there are any.
    """
    if name is not None:
        return _explain(terminal, name, with_row=row)
    stack = terminal.stack
    wanted = filter_of(stack, state, kind, donor, day, destination, cause, text)
    with terminal.busy("looking"):
        listing = find(stack, wanted, limit, after)
    terminal.answer(_data(listing), _table(listing), _footer(listing))
    return HEALTHY


def _table(listing: Listing) -> Table:
    columns = ("delivery", "donor", "state", "served/seen", "changed (UTC)", "why")
    return table(columns, (_row(delivery) for delivery in listing.deliveries))


def _row(delivery: Delivery) -> tuple[Any, ...]:
    donor = str(delivery.donor_id) if delivery.donor_id is not None else ""
    counted = f"{delivery.served}/{delivery.wanted}" if delivery.wanted else ""
    return delivery.id, donor, state_text(delivery), counted, moment(delivery.updated_at), why(delivery)


def _footer(listing: Listing) -> str:
    more = f"; there are more: --after {listing.next_cursor}" if listing.has_more else ""
    return f"{len(listing.deliveries)} shown, out of: {listing.searched}{more}"


def _data(listing: Listing) -> dict[str, Any]:
    return {
        "deliveries": [as_json(delivery) for delivery in listing.deliveries],
        "has_more": listing.has_more,
        "next": listing.next_cursor,
        "searched": listing.searched,
    }


def _explain(terminal: Terminal, name: str, *, with_row: bool) -> int:
    stack = terminal.stack
    with terminal.busy("looking"):
        found = deliveries_named(stack, name)
        lines = {delivery.id: story.of_delivery(stack, delivery, _LINES) for delivery in found}
    data = [
        as_json(delivery, with_row=with_row)
        | {
            "next": what_next(stack, delivery),
            "needs_a_person": delivery.state is State.FAILED,
            "activity": lines[delivery.id],
        }
        | ({"held_since": format_moment(held_since(delivery))} if delivery.state is State.SENT else {})
        | _original_data(stack, delivery)
        for delivery in found
    ]
    parts: list[Any] = [
        part for d in found for part in (_explained(d, stack), *_rows(d, with_row), *_story(lines[d.id]))
    ]
    terminal.answer(data[0] if len(data) == 1 else data, *parts)
    return PERSON_NEEDED if any(delivery.state is State.FAILED for delivery in found) else HEALTHY


def _rows(delivery: Delivery, with_row: bool) -> list[str]:
    row = row_as_sent(delivery) if with_row else None
    return [json.dumps(row, ensure_ascii=False, indent=2)] if row is not None else []


def _story(lines: list[dict[str, Any]]) -> list[Table]:
    return [lines_table(lines)] if lines else []


def _explained(delivery: Delivery, stack: Stack) -> Table:
    trouble = delivery.trouble
    return pairs(
        [
            ("Delivery", delivery.id),
            ("What", f"{delivery.kind.value} to {delivery.destination}"),
            ("Donor", str(delivery.donor_id) if delivery.donor_id is not None else "unknown"),
            ("State", state_text(delivery)),
            ("Sightings", sightings(delivery)),
            ("Corrected", ", ".join(f"{name} = {value or '(empty)'}" for name, value in delivery.corrections.items())),
            ("Original", _original(stack, delivery)),
            ("Held", held_text(stack, delivery)),
            ("Chunk", delivery.chunk),
            ("Members", ", ".join(delivery.members)),
            ("Next", what_next(stack, delivery)),
            (
                "Why",
                f"{trouble.field}: {trouble.text}" if trouble and trouble.field else trouble.text if trouble else "",
            ),
            ("Cause", trouble.cause if trouble else ""),
            ("Remedy", (trouble.remedy or "") if trouble else ""),
            ("Candidates", ", ".join(trouble.candidates) if trouble else ""),
            ("Result", ", ".join(f"{name} {value}" for name, value in sorted(told_result(delivery).items()))),
            ("Still to store", ", ".join(map(str, delivery.mirrors))),
            ("Last request", _sent(delivery)),
            ("Failed tries", str(delivery.attempts) if delivery.attempts else ""),
            ("Last nudged", moment(delivery.nudged_at)),
            ("Picked up", f"{moment(delivery.created_at)} UTC"),
            ("Last changed", f"{moment(delivery.updated_at)} UTC"),
        ]
    )


def _sent(delivery: Delivery) -> str:
    """The last write that may have reached the destination, as it was sent."""
    attempt = delivery.attempt
    if attempt is None:
        return ""
    values = ", ".join(f"{name} {value}" for name, value in attempt.values.items() if value)
    return f"{attempt.step.value} at {moment(attempt.started_at)} (first {moment(attempt.first_started_at)}): {values}"


def _original(stack: Stack, delivery: Delivery) -> str:
    """What a refund reverses: its original, and how that stands."""
    original = original_of(stack, delivery)
    if original is None:
        return ""
    named = [f", {name} {original.result[name]}" for name in ("invoice", "gift") if original.result.get(name)]
    return f"{original.id} ({original.state.value}{''.join(named)})"


def _original_data(stack: Stack, delivery: Delivery) -> dict[str, Any]:
    original = original_of(stack, delivery)
    if original is None:
        return {}
    invoice = original.result.get("invoice")
    told = {"id": original.id, "state": original.state.value, "invoice": invoice}
    return {"original": {**told, **({"gift": original.result["gift"]} if "gift" in original.result else {})}}
