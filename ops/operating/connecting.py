"""Connecting a system: credentials that were tried are stored, a CRM and the schedules are switched on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from giftbridge.credentials import REQUIRED
from ops.operating import pasted, schedules, settings_actions
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from ops.operating.systems import CRMS, SOURCE, SYSTEMS, System

# The system that takes user name and password by HTTP's basic authentication.
BASIC = "aegis"
_NOTHING = "Nothing was stored."
_MOST_TWINS = 50
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Entered:
    """The values of a system's secret, and what was left out or written otherwise: told, without a secret."""

    values: dict[str, str]
    notes: tuple[str, ...] = ()


def checked_values(stack: Stack, system: System, given: Mapping[str, Any]) -> Entered:
    """The values of a system's secret. Raises WrongUsage naming what is missing or cannot be, and shows no value."""
    known = {field.name for field in system.fields}
    unknown = sorted(set(given) - known)
    if unknown:
        raise WrongUsage(f"{', '.join(unknown)}: unknown; {system.title} takes {', '.join(sorted(known))}.")
    values = {field.name: field.default for field in system.fields if field.default is not None}
    notes: list[str] = []
    for name, value in given.items():
        if not isinstance(value, str | None):
            raise WrongUsage(f"{name} is no text; nothing was stored.")
        plain = pasted.bare(value or "")
        if plain:
            values[name] = plain
            notes += [f"{name}: what stood around it, blanks or invisible characters, was left out."] * (plain != value)
    _require_one_of(system, values)
    for name, value in values.items():
        problem = pasted.spoiled(name, value, is_basic=system.name == BASIC)
        if problem is not None:
            raise WrongUsage(f"{name} {problem}.", [_NOTHING])
    url = _address(stack, values["url"])
    if url != values["url"].rstrip("/"):
        notes.append(f"url: stored as {url}.")
    return Entered({**values, "url": url}, tuple(notes))


def _address(stack: Stack, given: str) -> str:
    url, problem = pasted.address(given)
    if url is None:
        raise WrongUsage(f"url is no address: it {problem}.", [_NOTHING])
    parts = urlsplit(url)
    if parts.scheme == "http" and not stack.is_local and parts.hostname not in _LOOPBACK:
        raise WrongUsage("The address must begin with https://: credentials would travel in the clear.", [_NOTHING])
    return url


def _require_one_of(system: System, values: Mapping[str, str]) -> None:
    """Exactly the values of one way to log in (giftbridge.credentials). Raises WrongUsage."""
    ways = REQUIRED[system.name]
    fitting = [way for way in ways if set(values) <= set(way)]
    if not fitting:
        raise WrongUsage(
            f"{system.title} takes {' or '.join(_listed(way) for way in ways)}, not both; nothing was stored."
        )
    missing = [[name for name in way if name not in values] for way in fitting]
    if all(missing):
        told = " or ".join(dict.fromkeys(_listed(names) for names in missing))
        raise WrongUsage(f"{system.title} needs {told} too; nothing was stored.")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)


def twins(stack: Stack, system: System, values: Mapping[str, str]) -> list[str]:
    """Other stacks of this account that use the same credentials, as far as that can be found out."""
    try:
        return sorted(_twins(stack, system, values))
    except (ClientError, BotoCoreError):
        return []


def _twins(stack: Stack, system: System, values: Mapping[str, str]) -> set[str]:
    client, own = stack.client("secretsmanager"), stack.output(system.secret_output)
    listed = client.list_secrets(
        Filters=[{"Key": "tag-value", "Values": [system.secret_output]}], MaxResults=_MOST_TWINS
    )
    found: set[str] = set()
    for secret in listed.get("SecretList", []):
        tags = {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}
        is_ours = tags.get("aws:cloudformation:logical-id") == system.secret_output
        if not is_ours or own in {secret["ARN"], secret["Name"]}:
            continue
        stored = _stored(client.get_secret_value(SecretId=secret["ARN"]))
        if all(stored.get(name) == value for name, value in values.items()):
            found.add(str(tags.get("aws:cloudformation:stack-name", secret["Name"])))
    return found


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where RaiseDonors' webhook goes and the token it is to send; `is_new` when the token was made just now."""

    url: str
    token: str
    is_new: bool


def store(stack: Stack, system: System, values: Mapping[str, str]) -> Webhook | None:
    """Store credentials; what else the secret holds stays. A new version reopens a system that refused the old one.

    RaiseDonors' secret gets a webhook token where it has none; its webhook is given back.
    """
    kept = stored_values(stack, system)
    stored = merged(system, kept, values)
    is_new = system.name == SOURCE and not kept.get("webhook_token")
    if is_new:
        stored["webhook_token"] = secrets.token_urlsafe(32)
    put_values(stack, system, stored)
    url = webhook_url(stack, system)
    return Webhook(url, str(stored["webhook_token"]), is_new) if system.name == SOURCE and url is not None else None


def merged(system: System, kept: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """What a secret is to hold: these credentials, and all in it that is none."""
    # What belongs to another way of logging in would win, or lie around.
    own = {field.name for field in system.fields}
    return {**{name: value for name, value in kept.items() if name not in own}, **values}


def put_values(stack: Stack, system: System, values: Mapping[str, Any]) -> None:
    """Replace all that a system's secret holds."""
    secret_id = stack.output(system.secret_output)
    stack.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=json.dumps(values))


def stored_values(stack: Stack, system: System) -> dict[str, Any]:
    """Everything a system's secret holds now."""
    client = stack.client("secretsmanager")
    return _stored(client.get_secret_value(SecretId=stack.output(system.secret_output)))


def webhook_url(stack: Stack, system: System) -> str | None:
    """A local stack answers at its own address; a stack deployed from an older template has no webhook."""
    if stack.is_local:
        return f"{stack.hint.removeprefix('--local ')}/webhooks/{system.name}"
    return stack.outputs.get(f"{system.title}WebhookUrl")


def _stored(answer: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values = json.loads(answer.get("SecretString") or "{}")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _missing(connected: Set[str]) -> tuple[str, ...]:
    """What must be connected before anything can be carried: RaiseDonors, and one CRM."""
    source = () if SOURCE in connected else (SOURCE,)
    return (*source, *(() if connected & set(CRMS) else (CRMS[0],)))


@dataclass(frozen=True, slots=True)
class Connected:
    """What is so after connecting: settings version, systems still missing, schedules turned on, what to do next."""

    settings_version: int
    missing: tuple[str, ...]
    schedules_on: tuple[str, ...]
    next_command: str
    webhook: Webhook | None = None


def finish(
    stack: Stack,
    system: System,
    values: Mapping[str, str],
    *,
    by: str,
    enable: bool = True,
    switches: Mapping[str, bool] | None = None,
) -> Connected:
    """Store the credentials, switch a CRM on, and turn the schedules on once RaiseDonors and a CRM are connected.

    `switches` are further settings of the CRM to be saved with it.
    """
    webhook = store(stack, system, values)
    section: dict[str, Any] = {**({"enabled": True} if enable else {}), **(switches or {})}
    if system.is_crm and section:
        document = settings_actions.over_current(stack, {system.name: section})
        settings_actions.save(stack, document, by=by, note=f"{system.title} connected")
    connected = {name for name in SYSTEMS if name == system.name or stack.is_connected(name)}
    missing = _missing(connected)
    turned_on = () if missing else schedules.turn_on(stack)
    version = stack.versions.current()
    is_on = any(getattr(version.settings, name).enabled for name in ([system.name] if system.is_crm else CRMS))
    if missing:
        next_command = f"giftbridge connect {missing[0]} {stack.hint}"
    elif not is_on:
        next_command = f"giftbridge pickup run --preview {stack.hint}"
    else:
        next_command = f"giftbridge settings validate --live {stack.hint}"
    return Connected(version.number, missing, turned_on, next_command, webhook)
