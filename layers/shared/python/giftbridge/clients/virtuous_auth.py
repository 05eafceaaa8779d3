"""Virtuous' password grant: user name and password for a token, kept while it is good (issueToken)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from giftbridge.clients.answers import Body, Said, error_for, unreadable
from giftbridge.clients.http import LONGEST_CALL_SECONDS, SHORTEST_CALL_SECONDS, TimeLeft, timeouts
from giftbridge.clients.json_values import exact_number
from giftbridge.errors import BudgetSpent, Misconfigured, Rejected, RetryLater

SYSTEM = "virtuous"
_EARLIER = timedelta(minutes=5)
_ACCEPTED = 202
_UNAUTHORIZED = 401


class PasswordGrant:
    """The authorisation that requests takes. It logs in when a token is first needed, and again before it expires.

    A call that is answered with 401 is sent once more with a new token: nothing was carried out, and a token can be
    taken back early. A second factor cannot be answered here. Raises Misconfigured (second factor, or a grant that was
    refused), RetryLater or BudgetSpent; none of them after the call itself was sent, other than after its 401.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        session: requests.Session,
        time_left: TimeLeft,
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.Lock,
    ) -> None:
        self._address = url.rstrip("/") + "/Token"
        self._user = {"username": username, "password": password}
        self._session = session
        self._time_left = time_left
        self._now = now
        self._token: str | None = None
        self._good_until: datetime | None = None
        self._refresh_token: str | None = None
        self._lock = lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._current()
        request.headers["Authorization"] = f"Bearer {token}"

        def once_more(response: requests.Response, **sending: Any) -> requests.Response:
            return self._again(response, token, sending) if response.status_code == _UNAUTHORIZED else response

        request.hooks["response"].append(once_more)
        return request

    def forget(self, refused: str | None = None) -> None:
        """A token was refused: the next call gets a new one. A token other than the refused one is kept."""
        with self._lock:
            if refused is None or refused == self._token:
                self._token = None

    def _again(self, response: requests.Response, refused: str, sending: Mapping[str, Any]) -> requests.Response:
        self.forget(refused)
        token = self._current()
        _ = response.content  # read, so that the connection can be used again
        response.close()
        request = response.request.copy()
        request.headers["Authorization"] = f"Bearer {token}"
        adapter = self._session.get_adapter(str(request.url))
        # The first answer took some of the time that was left.
        seconds = min(LONGEST_CALL_SECONDS, self._time_left.seconds() - 1.0)
        if seconds < SHORTEST_CALL_SECONDS:
            return response
        answer = adapter.send(request, **{**sending, "timeout": timeouts(seconds)})
        answer.history.append(response)
        answer.request = request
        return answer

    def _current(self) -> str:
        with self._lock:
            is_good = self._good_until is None or self._now() < self._good_until
            if self._token is None or not is_good:
                self._keep(self._refreshed() or self._ask({"grant_type": "password", **self._user}))
            assert self._token is not None  # noqa: S101  _keep sets it
            return self._token

    def _refreshed(self) -> Mapping[str, Any] | None:
        """A new token for the refresh token, which is good once; None where the password is needed."""
        token, self._refresh_token = self._refresh_token, None
        if token is None:
            return None
        try:
            return self._ask({"grant_type": "refresh_token", "refresh_token": token})
        except Misconfigured:
            return None

    def _keep(self, answer: Mapping[str, Any]) -> None:
        token, refresh, lifetime = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
        if not isinstance(token, str) or not token:
            raise RetryLater("issueToken: no token in the answer", cause="unreadable-answer", system=SYSTEM)
        seconds = exact_number(lifetime)
        self._token = token
        self._refresh_token = refresh if isinstance(refresh, str) and refresh else None
        self._good_until = None
        if seconds is not None:
            whole = timedelta(seconds=min(float(seconds), 10 * 365 * 86_400.0))
            self._good_until = self._now() + whole - min(_EARLIER, whole / 10)

    def _ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        seconds = min(LONGEST_CALL_SECONDS, (self._time_left.seconds() - 1.0) / 2)
        if seconds < SHORTEST_CALL_SECONDS:
            raise BudgetSpent("no time left in this run", cause="out-of-time", system=SYSTEM)
        try:
            response = self._session.post(
                self._address, data=dict(form), timeout=timeouts(seconds), allow_redirects=False
            )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # Nothing but the log-in was sent: a write that needs the token has not begun.
            raise RetryLater("issueToken: no connection", cause="unreachable", system=SYSTEM) from error
        if response.status_code == _ACCEPTED:
            raise Misconfigured(
                "Virtuous asks this user for a second factor: use an API key, or a user without a second factor",
                system=SYSTEM,
            )
        refusal = error_for(SYSTEM, "issueToken", response, writes=False, now=self._now())
        if isinstance(refusal, Rejected):
            why = f"Virtuous refuses this user name and password ({response.status_code})"
            raise Misconfigured(why, system=SYSTEM) from refusal
        if refusal is not None:
            raise refusal
        return _read(response)


def _read(response: requests.Response) -> Mapping[str, Any]:
    said = Said.of(response.content)
    if said.kind is not Body.JSON or not isinstance(said.value, dict):
        raise unreadable(SYSTEM, "issueToken", "the answer is no JSON object")
    return said.value
