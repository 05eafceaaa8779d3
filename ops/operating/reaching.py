"""Reaching RaiseDonors and Aegis from an operator's machine, with the stack's credentials or with ones on trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import requests
from requests.auth import HTTPBasicAuth

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import TimeLeft, Wire
from giftbridge.clients.raisedonors import BearerToken, RaiseDonors
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


def basic_auth(values: Mapping[str, str]) -> Auth:
    """User name and password, whatever letters they have."""
    return HTTPBasicAuth(values["username"].encode(), values["password"].encode())


def trial_wire(stack: Stack, system: str, url: str, auth: Auth, session: requests.Session, seconds: float) -> Wire:
    """The way to a system with credentials that are on trial: one or two calls, outside of every budget."""
    return Wire(system, url, session, TimeLeft(seconds), lambda: None, stack.tools.now, auth)


def _connected(stack: Stack, system: str, title: str) -> Mapping[str, str]:
    credential = stack.credentials.of(system)
    if not credential.is_complete:
        raise NeedsPerson(f"{title} is not connected.", [f"Do that with `giftbridge connect {system} {stack.hint}`."])
    return credential.values


def _wire(stack: Stack, system: str, url: str, auth: Auth) -> Wire:
    limits = stack.versions.current().settings.limits
    per_hour: int | None = getattr(limits, f"{system}_per_hour")
    budget = RateBudget(stack.tools.state, system, lambda: per_hour, stack.tools.now)
    return Wire(system, url, stack.new_session(), TimeLeft(_SECONDS), budget.take, stack.tools.now, auth)
