"""`giftbridge backfill`."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from giftbridge.domain.backfills import CONTACTS, GIFTS, Backfill
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS
from giftbridge.domain.times import format_moment
from ops.command.showing import moment
from ops.command.terminal import Terminal, verb
from ops.operating import backfilling
from ops.operating.backfilling import BackfillPlan
from ops.operating.problems import HEALTHY, WrongUsage

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@verb
def backfill(
    terminal: Terminal,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=_FORMATS, help="First moment of the period (UTC), by when it was created."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_FORMATS, help="End of the period (UTC); now without it.")
    ] = None,
    destination: Annotated[
        Literal["aegis", "virtuous"] | None, typer.Option(help="Where to; needed when both are connected.")
    ] = None,
    gifts: Annotated[bool, typer.Option(help="Gifts of the period.")] = True,
    contacts: Annotated[bool, typer.Option(help="Donors created or changed in the period; to Virtuous alone.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only show what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    show_status: Annotated[bool, typer.Option("--status", help="Show how far the newest backfill is.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop picking up; what was picked up is delivered.")] = False,
) -> int:
    """Send gifts and contacts of a past period, behind live work.

    First shown, then asked. It goes on by itself, also over restarts; what was sent before is not sent again, and a
    gift that carries a CRM key is adopted.
    """
    if show_status or cancel:
        return _told_status(terminal, cancelled=cancel)
    if since is None:
        raise WrongUsage("--from is missing: the first moment of the period, such as 2026-01-01.")
    asked = _asked(terminal, since, until, destination, gifts=gifts, contacts=contacts)
    with terminal.counting("records read", None) as count:
        found = backfilling.plan(terminal.stack, asked, count)
    lines = _told_plan(asked, found)
    if plan_only or not found.sends:
        terminal.answer(_plan_data(asked, found), *lines)
        return HEALTHY
    if not terminal.as_json:
        terminal.answer(None, *lines)
    if not terminal.agree("Send this?", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    backfilling.ask(terminal.stack, asked)
    terminal.answer(
        _plan_data(asked, found),
        f"Asked for: backfill {asked.id}. It begins with the next pickup; look with `giftbridge backfill --status`.",
    )
    return HEALTHY


def _asked(
    terminal: Terminal,
    since: datetime,
    until: datetime | None,
    destination: str | None,
    *,
    gifts: bool,
    contacts: bool,
) -> Backfill:
    settings, now = terminal.stack.versions.current().settings, terminal.stack.tools.now()
    first, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) if until is not None else now
    enabled = [
        name for name, is_on in ((AEGIS, settings.aegis.enabled), (VIRTUOUS, settings.virtuous.enabled)) if is_on
    ]
    if destination is None and len(enabled) != 1:
        raise WrongUsage("--destination is missing: aegis or virtuous.")
    chosen = destination or enabled[0]
    if end > now:
        raise WrongUsage("--to lies in the future: what is to come is sent by itself.")
    if first >= end:
        raise WrongUsage("--from lies after --to: the period is empty.")
    if contacts and chosen != VIRTUOUS:
        raise WrongUsage("--contacts goes with --destination virtuous: partners in Aegis are made by gifts alone.")
    what = tuple(name for name, is_wanted in ((GIFTS, gifts), (CONTACTS, contacts)) if is_wanted)
    if not what:
        raise WrongUsage("Nothing is asked for: add --gifts or --contacts.")
    return backfilling.new_backfill(terminal.stack, chosen, first, end, what, getpass.getuser())


def _told_plan(asked: Backfill, found: BackfillPlan) -> list[str]:
    """What would be done, in numbers."""
    period = f"{moment(asked.since)} to {moment(asked.until)} (UTC)"
    lines = [f"To {asked.destination}, created {period}:"]
    lines += [f"  gifts {fate}: {count}" for fate, count in sorted(found.fates.items()) if count]
    lines += [f"  money to be sent: {amount:.2f} {currency}" for currency, amount in sorted(found.money.items())]
    lines += [f"  contacts to be sent: {found.contacts}"] if CONTACTS in asked.what else []
    takes = "" if found.minutes is None else f", {found.minutes} minutes at {found.per_hour} calls an hour"
    lines.append(f"About {found.calls} calls{takes}." if found.sends else "Nothing is to be sent.")
    if asked.destination == VIRTUOUS and found.sends:
        lines.append(
            "They go with the next batch (`giftbridge batch run`), and land when the import is run in Virtuous."
        )
    return lines


def _plan_data(asked: Backfill, found: BackfillPlan) -> dict[str, Any]:
    return {
        "backfill": asked.id,
        "destination": asked.destination,
        "from": format_moment(asked.since),
        "to": format_moment(asked.until),
        "what": list(asked.what),
        "gifts": {fate: count for fate, count in found.fates.items() if count},
        "money": {currency: f"{amount:.2f}" for currency, amount in found.money.items()},
        "contacts": found.contacts,
        "calls": found.calls,
        "minutes": found.minutes,
    }


def _told_status(terminal: Terminal, *, cancelled: bool) -> int:
    newest = backfilling.cancel(terminal.stack) if cancelled else backfilling.status(terminal.stack)
    if newest is None:
        terminal.answer(None, "No backfill is under way." if cancelled else "No backfill was ever asked for.")
        return HEALTHY
    state = "cancelled" if cancelled else ("done" if newest.is_done else "under way")
    counts = ", ".join(f"{count} {name.removeprefix('backfill: ')}" for name, count in (newest.counts or {}).items())
    data = {**newest.as_row(), "state": state}
    terminal.answer(
        data, f"Backfill {newest.id} to {newest.destination}: {state}. {counts or 'nothing picked up yet'}."
    )
    return HEALTHY
