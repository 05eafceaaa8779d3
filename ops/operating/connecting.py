"""Connecting a system: its credentials are tried with a harmless read, and stored only if that works."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from botocore.exceptions import BotoCoreError, ClientError

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import BearerToken, RaiseDonors
from giftbridge.errors import GiftBridgeError, Misconfigured, RecordMissing
from ops.operating import settings_actions
from ops.operating.problems import NeedsPerson, Problem, Unreachable, WrongUsage
from ops.operating.reaching import basic_auth, trial_wire
from ops.operating.stack import Stack
from ops.operating.systems import SOURCE, SYSTEMS, System

_TRIAL_SECONDS = 20.0
_MOST_TWINS = 50
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def checked_values(stack: Stack, system: System, given: Mapping[str, Any]) -> dict[str, str]:
    """The values of a system's secret. Raises WrongUsage naming what is missing or cannot be."""
    known = {field.name for field in system.fields}
    unknown = sorted(set(given) - known)
    if unknown:
        raise WrongUsage(f"{', '.join(unknown)}: unknown; {system.title} takes {', '.join(sorted(known))}.")
    values = {name: value.strip() for name, value in given.items() if isinstance(value, str) and value.strip()}
    missing = [field.name for field in system.fields if field.name not in values]
    if missing:
        raise WrongUsage(f"{system.title} needs {' and '.join(missing)} too; nothing was stored.")
    if not all(character.isascii() and character.isprintable() for character in values.get("token", "")):
        raise WrongUsage("The token holds characters that no token has; copy it again.")
    url = values["url"] = values["url"].rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WrongUsage(f"{url!r} is no address; give one such as https://api.example.org.")
    if parts.scheme == "http" and not stack.is_local and parts.hostname not in _LOOPBACK:
        raise WrongUsage("The address must begin with https://: credentials would travel in the clear.")
    return values


def try_out(stack: Stack, system: System, values: Mapping[str, str]) -> None:
    """One or two harmless reads with these values. Raises NeedsPerson or Unreachable, saying what is wrong."""
    statuses: list[int] = []
    session = stack.new_session()
    session.hooks["response"].append(lambda response, *_, **__: statuses.append(response.status_code))
    try:
        if system.name == "raisedonors":
            auth = BearerToken(values["token"])
            RaiseDonors(trial_wire(stack, system.name, values["url"], auth, session, _TRIAL_SECONDS)).ping()
        else:
            _try_aegis(stack, values, session)
    except GiftBridgeError as error:
        raise _explained(system, values, error, statuses[-1] if statuses else None) from error
    finally:
        session.close()


def _try_aegis(stack: Stack, values: Mapping[str, str], session: requests.Session) -> None:
    wire = trial_wire(stack, "aegis", values["url"], basic_auth(values), session, _TRIAL_SECONDS)
    Aegis(wire, values["context"]).ping()


def _explained(system: System, values: Mapping[str, str], error: GiftBridgeError, status: int | None) -> Problem:
    """What went wrong in words, with what to look at."""
    title, url = system.title, values["url"]
    stored = "Nothing was stored."
    if isinstance(error, Misconfigured):
        return NeedsPerson(*_refusal(system, status, stored))
    if isinstance(error, RecordMissing):
        look = f"Check the address {url}" + (" and the context key." if "context" in values else ".")
        return NeedsPerson(f"{title} was reached, but there is no such service at this address (404).", [look, stored])
    if error.cause == "unreadable-answer":
        return NeedsPerson(
            f"Something answered at {url}, but not {title}'s API.",
            ["Give the API's address, not that of the web site.", stored],
        )
    if status is not None:
        return Unreachable(f"{title} answered with {status}.", ["It may be out of order: try again later.", stored])
    return Unreachable(_no_connection(title, url, error.__cause__), [stored])


def _refusal(system: System, status: int | None, stored: str) -> tuple[str, list[str]]:
    secret = next((field.words for field in system.fields if field.is_hidden), "credentials")
    if status == requests.codes.unauthorized:
        others = "context key, user name and password" if system.name == "aegis" else secret
        return f"{system.title} does not accept the credentials (401).", [f"Check the {others}.", stored]
    if status == requests.codes.forbidden:
        advice = f"Ask {system.title}'s administrator to allow this user or token to use the API."
        return f"{system.title} knows the credentials, but they are not allowed to use the API (403).", [advice, stored]
    return f"The address answers with a redirect ({status}).", ["Give the address it leads to.", stored]


def _no_connection(title: str, url: str, cause: BaseException | None) -> str:
    host = urlsplit(url).netloc
    if isinstance(cause, requests.exceptions.SSLError):
        return f"The certificate of {host} is not accepted (TLS): check the address and this machine's clock."
    if isinstance(cause, requests.exceptions.Timeout):
        return f"{title} does not answer at {host}: a firewall may be in between."
    if "NameResolution" in repr(cause) or "getaddrinfo" in repr(cause):
        return f"There is no host {host}: check the address."
    return f"{title} cannot be reached at {host}."


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
    client, secret_id = stack.client("secretsmanager"), stack.output(system.secret_output)
    kept = _stored(client.get_secret_value(SecretId=secret_id))
    stored = {**kept, **values}
    is_new = system.name == SOURCE and not kept.get("webhook_token")
    if is_new:
        stored["webhook_token"] = secrets.token_urlsafe(32)
    client.put_secret_value(SecretId=secret_id, SecretString=json.dumps(stored))
    url = _webhook_url(stack)
    return Webhook(url, str(stored["webhook_token"]), is_new) if system.name == SOURCE and url is not None else None


def _webhook_url(stack: Stack) -> str | None:
    """A local stack answers at its own address; a stack deployed from an older template has no webhook."""
    if stack.is_local:
        return f"{stack.hint.removeprefix('--local ')}/webhooks/raisedonors"
    return stack.outputs.get("RaiseDonorsWebhookUrl")


def _stored(answer: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values = json.loads(answer.get("SecretString") or "{}")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


@dataclass(frozen=True, slots=True)
class Connected:
    """What is so after connecting: settings version, systems still missing, schedules turned on, what to do next."""

    settings_version: int
    missing: tuple[str, ...]
    schedules_on: tuple[str, ...]
    next_command: str
    webhook: Webhook | None = None


def finish(stack: Stack, system: System, values: Mapping[str, str], *, by: str, enable: bool = True) -> Connected:
    """Store the credentials, switch a destination on, and turn the schedules on once every system is connected."""
    webhook = store(stack, system, values)
    if system.is_destination and enable:
        document = settings_actions.over_current(stack, {system.name: {"enabled": True}})
        settings_actions.save(stack, document, by=by, note=f"{system.title} connected")
    missing = tuple(name for name in SYSTEMS if name != system.name and not stack.credentials.of(name).is_complete)
    schedules = () if missing else _turn_schedules_on(stack)
    if missing:
        next_command = f"giftbridge connect {missing[0]} {stack.hint}"
    elif not stack.versions.current().settings.aegis.enabled:
        next_command = f"giftbridge pickup run --preview {stack.hint}"
    else:
        next_command = f"giftbridge settings validate --live {stack.hint}"
    return Connected(stack.versions.current().number, missing, schedules, next_command, webhook)


def _turn_schedules_on(stack: Stack) -> tuple[str, ...]:
    """Enable every rule of the template; a local stack ticks by itself."""
    if stack.is_local:
        return ()
    rules = tuple(name for name in stack.outputs if name.endswith("Rule"))
    for rule in rules:
        stack.client("events").enable_rule(Name=stack.output(rule))
    return rules
