"""Reaching the outside systems from an operator's machine, with the stack's credentials or with ones on trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import requests
from requests.auth import HTTPBasicAuth

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import BearerToken, TimeLeft, Wire
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.clients.virtuous_auth import PasswordGrant
from giftbridge.store.budgets import RateBudget
from ops.operating.problems import NeedsPerson
from ops.operating.stack import Stack

_SECONDS = 600.0
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def raisedonors(stack: Stack) -> RaiseDonors:
    """The client of RaiseDonors, within its rate budget. Raises NeedsPerson until it is connected."""
    values = _connected(stack, "raisedonors", "RaiseDonors")
    return RaiseDonors(_wire(stack, "raisedonors", values["url"], BearerToken(values["token"])))


def aegis(stack: Stack) -> Aegis:
    """The client of Aegis, within its rate budget. Raises NeedsPerson until it is connected."""
    values = _connected(stack, "aegis", "Aegis")
    return Aegis(_wire(stack, "aegis", values["url"], basic_auth(values)), values["context"])


def virtuous(stack: Stack) -> Virtuous:
    """The client of Virtuous, within its rate budget. Raises NeedsPerson until it is connected."""
    values = _connected(stack, "virtuous", "Virtuous")
    session, time_left = stack.new_session(), TimeLeft(_SECONDS, stack.monotonic)
    auth = virtuous_auth(stack, values, session, time_left)
    return Virtuous(_wire(stack, "virtuous", values["url"], auth, session))


def virtuous_auth(stack: Stack, values: Mapping[str, str], session: requests.Session, time_left: TimeLeft) -> Auth:
    """An API key, else a token for user name and password."""
    if values.get("api_key"):
        return BearerToken(values["api_key"])
    tools, user, password = stack.tools, values["username"], values["password"]
    return PasswordGrant(values["url"], user, password, session, time_left, tools.now, tools.lock)


def basic_auth(values: Mapping[str, str]) -> Auth:
    """User name and password, whatever letters they have."""
    return HTTPBasicAuth(values["username"].encode(), values["password"].encode())


def trial_wire(stack: Stack, system: str, url: str, auth: Auth, session: requests.Session, seconds: float) -> Wire:
    """The way to a system with credentials that are on trial: a few calls, outside of every budget."""
    return Wire(system, url, session, TimeLeft(seconds), lambda: None, stack.tools.now, auth)


def _connected(stack: Stack, system: str, title: str) -> Mapping[str, str]:
    credential = stack.credential(system)
    if not credential.is_complete:
        raise NeedsPerson(f"{title} is not connected.", [f"Do that with `giftbridge connect {system} {stack.hint}`."])
    return credential.values


def _wire(stack: Stack, system: str, url: str, auth: Auth, session: requests.Session | None = None) -> Wire:
    limits = stack.versions.current().settings.limits
    per_hour: int | None = getattr(limits, f"{system}_per_hour")
    tools = stack.tools
    budget = RateBudget(tools.state, system, lambda: per_hour, tools.now, tools.lock)
    observe = budget.observe if system == "virtuous" else None
    own, time_left = session or stack.new_session(), TimeLeft(_SECONDS, stack.monotonic)
    return Wire(system, url, own, time_left, budget.take, tools.now, auth, observe=observe, sleep=stack.sleep)
