"""The one way a request leaves: budget, time-out, one table from answer to error, and never a body in a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import requests
import simplejson
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

from giftbridge.clients.answers import Absence, Body, Said, error_for, unreadable
from giftbridge.clients.connections import new_session
from giftbridge.clients.whole_answers import NotWhole
from giftbridge.errors import BudgetSpent, GiftBridgeError, Misconfigured, Rejected, RetryLater, UnknownOutcome

__all__ = ["Absence", "Answer", "BearerToken", "TimeLeft", "Wire", "new_session"]

LONGEST_CALL_SECONDS = 30.0
SHORTEST_CALL_SECONDS = 0.5
_LONGEST_CONNECT_SECONDS = 5.0
_ENOUGH_FOR_A_SECOND_READ = 4.0
T = TypeVar("T")


class TimeLeft:
    """How long this invocation may still run; every call's time-out fits inside it."""

    def __init__(self, seconds: float = 3600.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        """A new invocation began, with so many seconds to run."""
        self.whole = seconds
        self._ends = self._monotonic() + seconds

    def seconds(self) -> float:
        """Seconds until the process may be ended."""
        return self._ends - self._monotonic()


def timeouts(seconds: float) -> tuple[float, float]:
    """How long to wait for a connection, which is tried twice, and for the whole answer; within so many seconds."""
    connect = min(_LONGEST_CONNECT_SECONDS, seconds / 6)
    return connect, seconds - 2 * connect


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An organisation's token or API key, as requests takes it."""

    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # A header holds plain characters alone; what somebody pasted may hold a line break or a curly quote.
        if not self.token.isascii() or not self.token.isprintable():
            raise ValueError("a token of other characters than a header can hold")
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer; `body` is its JSON with decimals exact, None when empty."""

    status: int
    body: Any

    @property
    def is_empty(self) -> bool:
        """Whether nothing came where 204 would have said so: perhaps nobody was there who could have acted."""
        return self.body is None and self.status != 204


@dataclass(frozen=True, slots=True)
class Wire:
    """Calls to one system. `auth` is what requests takes; `spend` takes a token before each call.

    `observe` gets the headers of every answer, whatever its status; it must not raise, since the call was made.
    """

    system: str
    base_url: str
    session: requests.Session
    time_left: TimeLeft
    spend: Callable[[], None]
    now: Callable[[], datetime]
    auth: Callable[[requests.PreparedRequest], requests.PreparedRequest]
    pause: float = 0.5
    observe: Callable[[Mapping[str, str]], None] | None = None
    sleep: Callable[[float], None] = time.sleep

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        writes: bool,
        params: Mapping[str, str | int] | None = None,
        body: object | None = None,
        lenient: bool = False,
        absence: Absence | None = None,
    ) -> Answer:
        """Make one call. `writes` says whether it can change anything there (a POSTed query does not).

        `lenient` is for answers whose body may be any text but a page of HTML: what is not JSON counts as none.
        `absence` says what a 404 can mean.

        A read that failed is tried once more after a moment. Raises RetryLater, BudgetSpent, UnknownOutcome, Rejected,
        RecordMissing, Forbidden or Misconfigured.
        """
        sending = (operation, method, path, params, body)
        if not writes:
            try:
                return self._once(*sending, writes=writes, lenient=lenient, absence=absence)
            except RetryLater as failed:
                if not failed.counts or self.time_left.seconds() < _ENOUGH_FOR_A_SECOND_READ:
                    raise
                self.sleep(self.pause)
        return self._once(*sending, writes=writes, lenient=lenient, absence=absence)

    def whole(self, operation: str, read: Callable[[Any], T], body: object) -> T:
        """What was read, as what it should be. Raises RetryLater when it is not whole."""
        try:
            return read(body)
        except NotWhole as lacking:
            raise self.unreadable(operation, str(lacking)) from None

    def believe_empty(self, operation: str, answer: Answer, ping: Callable[[], None]) -> None:
        """A write that was answered with nothing is believed while the system answers a harmless read as it should.

        Raises UnknownOutcome.
        """
        if not answer.is_empty:
            return
        try:
            ping()
        except RetryLater as away:
            raise UnknownOutcome(f"{operation}: an empty answer; then {away.text}", system=self.system) from away

    def unreadable(self, operation: str, what: str, *, writes: bool = False) -> GiftBridgeError:
        """What to raise for an answer of this system that is not whole."""
        return unreadable(self.system, operation, what, writes=writes)

    def _once(
        self,
        operation: str,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        body: object | None,
        *,
        writes: bool,
        lenient: bool,
        absence: Absence | None,
    ) -> Answer:
        # A read leaves as much time again for a second try.
        available = self.time_left.seconds() - 1.0
        seconds = min(LONGEST_CALL_SECONDS, available if writes else available / 2)
        if seconds < SHORTEST_CALL_SECONDS:
            raise BudgetSpent("no time left in this run", cause="out-of-time", system=self.system)
        request = self._request(operation, method, path, params, body)
        self.spend()
        self._authorise(request)
        try:
            response = self.session.send(request, timeout=timeouts(seconds), allow_redirects=False)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._transport_error(operation, error, writes) from error
        if self.observe is not None:
            self.observe(response.headers)
        said = error_for(self.system, operation, response, writes=writes, now=self.now(), absence=absence)
        if said is not None:
            raise said
        return self._read(operation, response, writes=writes, lenient=lenient)

    def _request(
        self, operation: str, method: str, path: str, params: Mapping[str, str | int] | None, body: object | None
    ) -> requests.PreparedRequest:
        """The request but for its authorisation. Raises Misconfigured or Rejected where none can be made."""
        data = None if body is None else simplejson.dumps(body, use_decimal=True).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        base = self.base_url.strip().rstrip("/")
        whole = requests.Request(
            method, base + path, params=dict(params) if params else None, data=data, headers=headers
        )
        try:
            return self.session.prepare_request(whole)
        except (requests.RequestException, HTTPError, ValueError) as error:
            if not self._is_good(base):
                raise self._bad_address() from error
            raise Rejected(
                "a value of the record cannot be written into an address",
                cause="cannot-be-asked-for",
                field=operation,
                remedy="look for half or hidden characters in the record's codes and ids, then retry",
            ) from None

    def _is_good(self, address: str) -> bool:
        try:
            self.session.prepare_request(requests.Request("GET", address))
        except (requests.RequestException, HTTPError, ValueError):
            return False
        return True

    def _authorise(self, request: requests.PreparedRequest) -> None:
        try:
            self.auth(request)
        except ValueError:
            # What was raised could quote the secret.
            raise Misconfigured(
                f"the credentials of {self.system} hold a character that cannot be sent "
                "(a line break, a hidden blank or a curly quote)",
                system=self.system,
            ) from None

    def _bad_address(self) -> Misconfigured:
        return Misconfigured(f"the address of {self.system} cannot be used", system=self.system)

    def _transport_error(self, operation: str, error: Exception, writes: bool) -> GiftBridgeError:
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema | UnicodeError):
            return self._bad_address()
        if writes and not _never_connected(error):
            return UnknownOutcome(f"{operation}: {_lost_how(error)}", system=self.system)
        why = "no connection" if _never_connected(error) else _lost_how(error)
        return RetryLater(f"{operation}: {why}", cause="unreachable", system=self.system)

    def _read(self, operation: str, response: requests.Response, *, writes: bool, lenient: bool) -> Answer:
        said = Said.of(response.content)
        if said.kind is Body.PAGE and not (lenient and _is_text(response)):
            raise self.unreadable(operation, "the answer is not JSON", writes=writes)
        return Answer(response.status_code, said.value)


def _is_text(response: requests.Response) -> bool:
    """Whether it is neither a page of HTML nor JSON that was cut off."""
    begins = response.content.lstrip()[:1]
    return begins not in (b"<", b"{", b"[") and "html" not in response.headers.get("Content-Type", "").casefold()


def _never_connected(error: Exception) -> bool:
    """Whether not one byte left: the connection itself failed."""
    if isinstance(error, ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _lost_how(error: Exception) -> str:
    inner = error.args[0] if error.args else None
    is_late = isinstance(error, requests.Timeout | TimeoutError) or isinstance(inner, ReadTimeoutError)
    return "timed out" if is_late else "the connection was lost"
