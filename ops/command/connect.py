"""`giftbridge connect`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ops.command import connect_virtuous
from ops.command.terminal import Terminal, verb
from ops.operating import connecting, trying
from ops.operating.connecting import Connected, Webhook
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.stack import Stack
from ops.operating.subscribing import Became
from ops.operating.systems import SYSTEMS, VIRTUOUS, SecretField, System, system_named


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
    sync: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Virtuous: what is kept the same; any of gifts,contacts,projects, or none."),
    ] = None,
    webhook: Annotated[
        bool | None,
        typer.Option(
            "--webhook/--no-webhook",
            help="Virtuous: register its webhook here; not on a local stack unless asked for.",
            show_default=False,
        ),
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Virtuous: a new secret for the webhook; the one before is accepted too.")
    ] = False,
) -> int:
    """Connect RaiseDonors, Aegis or Virtuous.

    Asks for the address and the credentials, tries them with harmless reads, and stores them in Secrets Manager only
    if that works. GIFTBRIDGE_RAISEDONORS_URL, GIFTBRIDGE_RAISEDONORS_TOKEN, GIFTBRIDGE_AEGIS_URL,
    GIFTBRIDGE_AEGIS_CONTEXT, GIFTBRIDGE_AEGIS_USERNAME, GIFTBRIDGE_AEGIS_PASSWORD, GIFTBRIDGE_VIRTUOUS_URL and
    GIFTBRIDGE_VIRTUOUS_API_KEY (or GIFTBRIDGE_VIRTUOUS_USERNAME and GIFTBRIDGE_VIRTUOUS_PASSWORD) answer beforehand.
    Secrets are never given on a command line.

    Before Aegis is connected, switch off RaiseDonors' own integration with it: else every gift is there twice. Virtuous
    takes an API key, or a user for GiftBridge alone, without two-factor, on a domain outside single sign-on; its
    webhook is registered too. What happened before Virtuous was connected is not sent.
    """
    named, stack = system_named(system), terminal.stack
    wishes = connect_virtuous.wishes(stack, named, sync=sync, webhook=webhook, rotate=rotate)
    given = _from_stdin() if from_stdin else _asked(terminal, stack, named)
    entered = connecting.checked_values(stack, named, given)
    values = entered.values
    with terminal.busy(f"trying {named.title}"):
        trying.try_out(stack, named, values)
        twins = connecting.twins(stack, named, values)
    if named.name == VIRTUOUS and not from_stdin:
        wishes = connect_virtuous.asked_what(terminal, stack, wishes)
    with terminal.busy("storing"):
        subscribed = connect_virtuous.registered(stack, wishes, values)
        by = stack.operator()
        connected = connecting.finish(stack, named, values, by=by, enable=enable, switches=wishes.switches)
    data = _data(named, connected, twins) | {"notes": list(entered.notes)}
    if subscribed is not None:
        data["webhook"] = {"url": subscribed.url, "id": subscribed.id, "became": subscribed.became.value}
    told = connect_virtuous.lines(stack, wishes, subscribed) if named.name == VIRTUOUS else []
    terminal.answer(data, *(f"Note: {note}" for note in entered.notes), *_lines(named, connected, twins, told))
    return PERSON_NEEDED if subscribed is not None and subscribed.became is Became.UNKNOWN else HEALTHY


def _data(system: System, connected: Connected, twins: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "system": system.name,
        "connected": True,
        "used_by_other_stacks": twins,
        "settings_version": connected.settings_version,
        "missing": list(connected.missing),
        "schedules_on": list(connected.schedules_on),
        "next_command": connected.next_command,
    }
    if connected.webhook is not None:
        data["webhook"] = {"url": connected.webhook.url, "token": connected.webhook.token}
    return data


def _lines(system: System, connected: Connected, twins: list[str], told: list[str]) -> list[str]:
    warning = f"Warning: stack {' and '.join(twins)} uses the same credentials; every gift would be carried twice."
    return [
        f"{system.title} is connected.",
        *(["The schedules are on."] if connected.schedules_on else []),
        *(_webhook_lines(connected.webhook) if connected.webhook is not None else []),
        *told,
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
    stored = stack.credential(system.name).values
    given = {field.name: os.environ.get(_variable(system, field), "") for field in system.fields}
    if system.name == VIRTUOUS:
        return _asked_for_virtuous(terminal, system, stored, given)
    return {field.name: _one(terminal, system, field, given, stored) for field in system.fields}


def _asked_for_virtuous(
    terminal: Terminal, system: System, stored: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """The address, and an API key; else user name and password."""
    url, key, *user = system.fields
    if terminal.as_json and not any(given[field.name] for field in (key, *user)):
        _refuse_to_ask(system, key)
    # For machines the address has its default; a person may change it.
    usual = stored.get("url") or url.default or ""
    values = {"url": given["url"] or (usual if terminal.as_json else _prompt(system, url, usual))}
    if not any(given[field.name] for field in user):
        values["api_key"] = given["api_key"] or _prompt(system, key, "", "API key (empty: by user name and password)")
        if values["api_key"]:
            return values
        for line in trying.ADVICE:
            terminal.say(line)
    elif given["api_key"]:
        values["api_key"] = given["api_key"]
    return {**values, **{field.name: _one(terminal, system, field, given, stored) for field in user}}


def _one(
    terminal: Terminal, system: System, field: SecretField, given: Mapping[str, str], stored: Mapping[str, str]
) -> str:
    if given[field.name]:
        return given[field.name]
    if terminal.as_json:
        _refuse_to_ask(system, field)
    return _prompt(system, field, None if field.is_hidden else stored.get(field.name))


def _prompt(system: System, field: SecretField, default: str | None, words: str = "") -> str:
    """What a person types. Raises WrongUsage where nobody does."""
    try:
        answer: str = typer.prompt(
            words or field.words, default=default, hide_input=field.is_hidden, err=True, show_default=bool(default)
        )
    except typer.Abort:
        variable = _variable(system, field)
        raise WrongUsage(f"Nothing was entered for {field.words}; set {variable}, or use --from-stdin.") from None
    return answer


def _refuse_to_ask(system: System, field: SecretField) -> None:
    raise WrongUsage(f"With --json nobody is asked: set {_variable(system, field)}, or use --from-stdin.")


def _variable(system: System, field: SecretField) -> str:
    return f"GIFTBRIDGE_{system.name}_{field.name}".upper()
