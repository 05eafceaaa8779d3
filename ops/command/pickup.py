"""`giftbridge pickup`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from giftbridge.domain.times import format_moment
from ops.command.showing import moment, table
from ops.command.terminal import Terminal, verb
from ops.operating import pickup
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Read what changed on RaiseDonors, now.",
)


@app.callback()
def group() -> None:
    """Verbs of the pickup."""


@app.command("run")
@verb
def run(
    terminal: Terminal,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only say what would become of each gift; write and send nothing.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Preview what changed since then (UTC), not since last time.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Preview at most so many gifts.")] = 500,
) -> int:
    """Read what changed on RaiseDonors, now.

    It happens every minute by itself; this waits for one run and shows what it did.
    """
    if preview:
        return _preview(terminal, since.replace(tzinfo=UTC) if since else None, limit)
    if since is not None:
        raise WrongUsage("--since goes with --preview; the setting raisedonors.start_from says what is sent.")
    stack = terminal.stack
    with terminal.busy("reading from RaiseDonors"):
        outcome = pickup.run(stack)
    if outcome.why_idle is not None:
        terminal.answer(asdict(outcome), f"Nothing was read: {outcome.why_idle}.")
        return HEALTHY if outcome.why_idle == pickup.ANOTHER_RUNS else PERSON_NEEDED
    new = ", ".join(f"{count} {state}" for state, count in outcome.counts.items()) or "nothing new"
    rest = "" if outcome.is_complete else "; there is more, the next run goes on"
    terminal.answer(asdict(outcome), f"{outcome.seen} gifts seen, {new}, {outcome.nudged} on their way{rest}.")
    return HEALTHY


def _preview(terminal: Terminal, since: datetime | None, limit: int) -> int:
    stack = terminal.stack
    with terminal.busy("asking"):
        reach = pickup.preview_range(stack, since)
    found: list[pickup.Preview] = []
    with terminal.counting("gifts", None) as count:
        for gift in islice(pickup.preview(stack, reach, limit), limit):
            found.append(gift)
            count(len(found))
    counts = Counter(gift.fate for gift in found)
    data: dict[str, Any] = {
        "read_from": format_moment(reach.read_from),
        "send_from": format_moment(reach.send_from),
        "assumption": reach.assumption,
        "counts": dict(counts),
        "is_cut": len(found) == limit,
        "gifts": [asdict(gift) for gift in found],
    }
    words = f"changed since {moment(reach.read_from)} UTC; created since {moment(reach.send_from)} UTC are sent"
    parts: list[Any] = [
        table(
            ("donation", "donor", "status", "would be", "why"),
            ((g.donation_id, str(g.donor_id or ""), g.status, g.fate, g.why) for g in found),
        ),
        f"{', '.join(f'{n} {fate}' for fate, n in counts.items()) or 'no gifts'}; {words}. Nothing was written.",
    ]
    parts += [f"Note: {reach.assumption}."] if reach.assumption else []
    parts += ["There are more; --limit shows them."] if len(found) == limit else []
    terminal.answer(data, *parts)
    return HEALTHY
