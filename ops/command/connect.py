"""`giftbridge connect`."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any

import typer

from ops.command.terminal import Terminal, verb
from ops.operating import connecting
from ops.operating.connecting import Connected, Webhook
from ops.operating.problems import HEALTHY, WrongUsage
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS, SecretField, System, system_named


@verb
def connect(
    terminal: Terminal,
    system: Annotated[str, typer.Argument(help=f"One of: {', '.join(SYSTEMS)}.")],
    from_stdin: Annotated[
        bool, typer.Option("--from-stdin", help='Read everything as JSON from stdin: {"url": ..., "token": ...}.')
    ] = False,
    enable: Annotated[
        bool, typer.Option("--enable/--no-enable", help="Switch deliveries on when the credentials work.")
    ] = True,
) -> int:
    """Connect RaiseDonors or Aegis.

    Asks for the address and the credentials, tries them with a harmless read, and stores them in Secrets Manager only
    if that works. GIFTBRIDGE_RAISEDONORS_URL, GIFTBRIDGE_RAISEDONORS_TOKEN, GIFTBRIDGE_AEGIS_URL,
    GIFTBRIDGE_AEGIS_CONTEXT, GIFTBRIDGE_AEGIS_USERNAME and GIFTBRIDGE_AEGIS_PASSWORD answer beforehand. Secrets are
    never given on a command line.

    Before Aegis is connected, switch off RaiseDonors' own integration with it: else every gift is there twice.
    """
    named, stack = system_named(system), terminal.stack
    given = _from_stdin() if from_stdin else _asked(terminal, stack, named)
    values = connecting.checked_values(stack, named, given)
    with terminal.busy(f"trying {named.title}"):
        connecting.try_out(stack, named, values)
        twins = connecting.twins(stack, named, values)
    with terminal.busy("storing"):
        connected = connecting.finish(stack, named, values, by=stack.operator(), enable=enable)
    data = {
        "system": named.name,
        "connected": True,
        "used_by_other_stacks": twins,
        "settings_version": connected.settings_version,
        "missing": list(connected.missing),
        "schedules_on": list(connected.schedules_on),
        "next_command": connected.next_command,
    }
    if connected.webhook is not None:
        data["webhook"] = {"url": connected.webhook.url, "token": connected.webhook.token}
    terminal.answer(data, *_lines(named, connected, twins))
    return HEALTHY


def _lines(system: System, connected: Connected, twins: list[str]) -> list[str]:
    warning = f"Warning: stack {' and '.join(twins)} uses the same credentials; every gift would be carried twice."
    return [
        f"{system.title} is connected.",
        *(["The schedules are on."] if connected.schedules_on else []),
        *(_webhook_lines(connected.webhook) if connected.webhook is not None else []),
        *([warning] if twins else []),
        f"Next: {connected.next_command}",
    ]


def _webhook_lines(webhook: Webhook) -> list[str]:
    """What to enter on RaiseDonors. A token is shown once, when it was made, and to a person only."""
    if not webhook.is_new:
        shown = "the one entered before; --json shows it"
    elif sys.stdout.isatty():
        shown = webhook.token
    else:
        shown = "made; it is shown on a terminal only, or with --json"
    return [
        "Gifts arrive within seconds when RaiseDonors tells of them. In its admin pages, add a webhook:",
        f"  address: {webhook.url}",
        f"  security token: {shown}",
        "  events: gifts, recurring gifts and donors; created, updated and deleted",
    ]


def _from_stdin() -> dict[str, Any]:
    try:
        given = json.loads(sys.stdin.read())
    except ValueError:
        given = None
    if not isinstance(given, dict):
        # What was read is not repeated: it may hold a secret.
        raise WrongUsage("Standard input holds no JSON object.")
    return given


def _asked(terminal: Terminal, stack: Stack, system: System) -> dict[str, str]:
    """Each value from the environment, else asked for; what is stored and no secret is offered again."""
    stored = stack.credentials.of(system.name).values
    return {field.name: _one(terminal, system, field, stored.get(field.name)) for field in system.fields}


def _one(terminal: Terminal, system: System, field: SecretField, stored: str | None) -> str:
    variable = f"GIFTBRIDGE_{system.name}_{field.name}".upper()
    given = os.environ.get(variable)
    if given:
        return given
    if terminal.as_json:
        raise WrongUsage(f"With --json nobody is asked: set {variable}, or use --from-stdin.")
    offered = None if field.is_hidden else stored
    try:
        answer: str = typer.prompt(field.words, default=offered, hide_input=field.is_hidden, err=True)
    except typer.Abort:
        raise WrongUsage(f"Nothing was entered for {field.words}; set {variable}, or use --from-stdin.") from None
    return answer
