"""Trying credentials with harmless reads, and saying what is wrong with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import requests

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import BearerToken, TimeLeft, Wire
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.errors import GiftBridgeError, Misconfigured, UnknownOutcome
from ops.operating.problems import NeedsPerson, Problem, Unreachable
from ops.operating.reaching import Auth, basic_auth, trial_wire, virtuous_auth
from ops.operating.stack import Stack
from ops.operating.systems import VIRTUOUS, System

_TRIAL_SECONDS = 20.0
_NO_SUCH = "giftbridge-trial"
ADVICE = (
    "Use a user for GiftBridge alone, without two-factor, whose e-mail domain is outside single sign-on.",
    "An API key is simpler: an administrator makes it in Virtuous' settings; it is shown once.",
)
# What a key or a user must be allowed, by the operation that tells.
PERMISSIONS = {
    "getOrganization": "read the organisation",
    "queryFullContacts": "query contacts",
    "getGiftByTransaction": "look gifts up",
    "getProjectByCode": "look projects up",
    "createWebhook": "create webhooks",
    "getWebhook": "read webhooks",
    "replaceWebhook": "change webhooks",
}


def try_out(stack: Stack, system: System, values: Mapping[str, str]) -> None:
    """One or two harmless reads with these values. Raises NeedsPerson or Unreachable, saying what is wrong."""
    with on_trial(stack, system, values) as wire:
        if system.name == "raisedonors":
            RaiseDonors(wire).ping()
        elif system.name == "aegis":
            Aegis(wire, values["context"]).ping()
        else:
            _try_virtuous(stack, Virtuous(wire))


@contextlib.contextmanager
def on_trial(stack: Stack, system: System, values: Mapping[str, str]) -> Iterator[Wire]:
    """The way to a system with these values. What goes wrong there is raised as NeedsPerson or Unreachable.

    Other than UnknownOutcome: what a write that was lost means, only its caller knows.
    """
    statuses: list[int] = []
    session, time_left = stack.new_session(), TimeLeft(_TRIAL_SECONDS)
    session.hooks["response"].append(lambda response, *_, **__: statuses.append(response.status_code))
    auth: Auth
    if system.name == "raisedonors":
        auth = BearerToken(values["token"])
    elif system.name == "aegis":
        auth = basic_auth(values)
    else:
        auth = virtuous_auth(stack, values, session, time_left)
    try:
        yield trial_wire(stack, system.name, values["url"], auth, session, _TRIAL_SECONDS)
    except UnknownOutcome:
        raise
    except GiftBridgeError as error:
        raise _explained(system, values, error, statuses[-1] if statuses else None) from error
    finally:
        session.close()


def _try_virtuous(stack: Stack, virtuous: Virtuous) -> None:
    """A harmless read of each sort that GiftBridge needs: keys and users may be allowed some and not others."""
    source = stack.versions.current().settings.virtuous.reference_source
    virtuous.ping()
    virtuous.contacts_modified_since(stack.tools.now().date(), 0, 1)
    virtuous.gift(source, _NO_SUCH)
    virtuous.project_by_code(_NO_SUCH)


def _explained(system: System, values: Mapping[str, str], error: GiftBridgeError, status: int | None) -> Problem:
    """What went wrong in words, with what to look at."""
    title, url = system.title, values["url"]
    stored = "Nothing was stored."
    if system.name == VIRTUOUS and isinstance(error, Misconfigured):
        return NeedsPerson(*_refused_by_virtuous(values, error, status, stored))
    if isinstance(error, Misconfigured):
        return NeedsPerson(*_refusal(system, status, stored))
    if status == requests.codes.not_found:
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


def _refused_by_virtuous(
    values: Mapping[str, str], error: GiftBridgeError, status: int | None, stored: str
) -> tuple[str, list[str]]:
    """A log-in that was refused, or an operation: which one it was tells what is missing."""
    if status == requests.codes.accepted:
        return "Virtuous asks this user for a second factor (two-factor authentication), which nobody can answer.", [
            "Turn two-factor off for this user, or better use an API key.",
            *ADVICE,
            stored,
        ]
    if "api_key" not in values and status in {requests.codes.bad_request, requests.codes.not_found}:
        return f"{error.text[:1].upper()}{error.text[1:]}.", [
            "Check user name, password and address; a user who signs in by single sign-on has no password here.",
            *ADVICE,
            stored,
        ]
    if status == requests.codes.unauthorized:
        what = "API key" if "api_key" in values else "user"
        return f"Virtuous does not accept the {what} (401).", [f"Check the {what}.", stored]
    if status == requests.codes.forbidden:
        operation = error.text.partition(" ")[0]
        what = PERMISSIONS.get(operation, "use the API")
        return f"Virtuous knows the credentials, but they are not allowed to {what}: {operation} (403).", [
            f"Give the API key or the user the permission to {what}, in Virtuous' settings.",
            stored,
        ]
    return f"The address answers with a redirect ({status}).", ["Give the address it leads to.", stored]


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
