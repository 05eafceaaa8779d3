"""The options that say which deliveries are meant; the same for every verb that has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from giftbridge.domain.deliveries import Kind, State
from ops.operating.identifiers import donor_id
from ops.operating.listing import Filter
from ops.operating.stack import Stack

InState = Annotated[State | None, typer.Option(metavar="STATE", help=f"Only those in this state: {', '.join(State)}.")]
OfKind = Annotated[Kind | None, typer.Option(metavar="KIND", help=f"Only those of this kind: {', '.join(Kind)}.")]
OfDonor = Annotated[str | None, typer.Option(metavar="ID", help="Only those of this donor.")]
OfDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only those of this day in UTC.")]
ToDestination = Annotated[str | None, typer.Option(help="Only those to this system.")]
OfCause = Annotated[str | None, typer.Option(help="Only those of this cause, as `failures` names it.")]
WithText = Annotated[str | None, typer.Option(help="Only those whose trouble says this.")]


def filter_of(
    stack: Stack,
    state: State | None,
    kind: Kind | None,
    donor: str | None,
    day: datetime | None,
    destination: str | None,
    cause: str | None,
    text: str | None,
) -> Filter:
    """The options as a filter. Raises WrongUsage."""
    return Filter(
        state=state,
        kind=kind,
        destination=stack.destinations_named(destination)[0] if destination is not None else None,
        donor=donor_id(donor) if donor is not None else None,
        day=day.replace(tzinfo=UTC).date() if day is not None else None,
        cause=cause,
        text=text,
    )
