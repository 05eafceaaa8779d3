"""`giftbridge batch`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ops.command.terminal import Terminal, verb
from ops.operating import batch
from ops.operating.problems import HEALTHY, PERSON_NEEDED

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Send the day's rows to Virtuous' import tool, now.",
)


@app.callback()
def group() -> None:
    """Verbs of the batch."""


@app.command("run")
@verb
def run(terminal: Terminal) -> int:
    """Send what waits for Virtuous to its import tool, now.

    It happens once a day by itself, at the setting batch_at; this waits for one run and shows what it did.
    """
    stack = terminal.stack
    with terminal.busy("planning the batch"):
        outcome = batch.run(stack)
    if outcome.why_idle is not None:
        terminal.answer(asdict(outcome), f"Nothing was planned: {outcome.why_idle}.")
        return HEALTHY if outcome.why_idle == batch.ANOTHER_RUNS else PERSON_NEEDED
    rows = f"{outcome.gifts} gifts and {outcome.contacts} contacts in {outcome.chunks} calls"
    told = f"Planned: {rows}, {outcome.projects} projects."
    terminal.answer(asdict(outcome), told, *(f"Not done: {trouble}." for trouble in outcome.troubles))
    return PERSON_NEEDED if outcome.troubles else HEALTHY
