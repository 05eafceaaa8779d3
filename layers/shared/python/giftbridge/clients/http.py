"""The one way a request leaves: budget, time-out, one table from answer to error, and never a body in a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import simplejson
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError
from urllib3.util.retry import Retry

from giftbridge.errors import (
    BudgetSpent,
    GiftBridgeError,
    Misconfigured,
    RecordMissing,
    Rejected,
    RetryLater,
    UnknownOutcome,
)

LONGEST_CALL_SECONDS = 30.0
SHORTEST_CALL_SECONDS = 0.5
POOL_SIZE = 16
_ENOUGH_FOR_A_SECOND_READ = 4.0


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


def new_session(backoff: float = 0.5) -> requests.Session:
    """A keep-alive session. A connection that was never made is tried twice; what was sent is not sent again here."""
    session = requests.Session()
    session.trust_env = False
    retry = Retry(total=None, connect=1, read=0, status=0, other=0, redirect=0, backoff_factor=backoff)
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=retry)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An organisation's token or API key, as requests takes it."""

    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer; `body` is its JSON with decimals exact, None when empty."""

    status: int
    body: Any


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
    ) -> Answer:
        """Make one call. `writes` says whether it can change anything there (a POSTed query does not).

        `lenient` is for answers whose body may be anything: what is not JSON counts as none.

        A read that failed is tried once more after a moment. Raises RetryLater, BudgetSpent, UnknownOutcome, Rejected,
        RecordMissing or Misconfigured.
        """
        if not writes:
            try:
                return self._once(operation, method, path, writes=writes, params=params, body=body, lenient=lenient)
            except RetryLater as failed:
                if not failed.counts or self.time_left.seconds() < _ENOUGH_FOR_A_SECOND_READ:
                    raise
                self.sleep(self.pause)
        return self._once(operation, method, path, writes=writes, params=params, body=body, lenient=lenient)

    def _once(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        writes: bool,
        params: Mapping[str, str | int] | None,
        body: object | None,
        lenient: bool,
    ) -> Answer:
        # A read leaves as much time again for a second try.
        available = self.time_left.seconds() - 1.0
        seconds = min(LONGEST_CALL_SECONDS, available if writes else available / 2)
        if seconds < SHORTEST_CALL_SECONDS:
            raise BudgetSpent("no time left in this run", cause="out-of-time", system=self.system)
        self.spend()
        data = None if body is None else simplejson.dumps(body, use_decimal=True).encode()
        try:
            response = self.session.request(
                method,
                self.base_url.rstrip("/") + path,
                params=dict(params) if params else None,
                data=data,
                headers={"Content-Type": "application/json"} if data is not None else {},
                timeout=(min(5.0, seconds / 2), seconds),
                allow_redirects=False,
                auth=self.auth,
            )
        except requests.RequestException as error:
            raise self._transport_error(operation, error, writes) from error
        if self.observe is not None:
            self.observe(response.headers)
        return self._answer(operation, response, writes, lenient=lenient)

    def _transport_error(self, operation: str, error: requests.RequestException, writes: bool) -> GiftBridgeError:
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            return Misconfigured(f"the address of {self.system} cannot be used", system=self.system)
        if writes and not _never_connected(error):
            return UnknownOutcome(f"{operation}: {_lost_how(error)}", system=self.system)
        why = "no connection" if _never_connected(error) else _lost_how(error)
        return RetryLater(f"{operation}: {why}", cause="unreachable", system=self.system)

    def _answer(self, operation: str, response: requests.Response, writes: bool, *, lenient: bool) -> Answer:
        error = error_for(self.system, operation, response, writes=writes, now=self.now())
        if error is not None:
            raise error
        if not response.content.strip():
            return Answer(response.status_code, None)
        try:
            return Answer(response.status_code, simplejson.loads(response.content, use_decimal=True, allow_nan=True))
        except ValueError as unreadable:
            if lenient:
                return Answer(response.status_code, None)
            problem = f"{operation}: the answer is not JSON"
            if writes:
                raise UnknownOutcome(problem, system=self.system, counts=False) from unreadable
            raise RetryLater(problem, cause="unreadable-answer", system=self.system) from unreadable


def error_for(
    system: str, operation: str, response: requests.Response, *, writes: bool, now: datetime
) -> GiftBridgeError | None:
    """The table from an answer to what happens next.

    | status            | on a read     | on a write      |
    |-------------------|---------------|-----------------|
    | 2xx               | fine          | fine            |
    | 401, 403, 3xx     | Misconfigured | Misconfigured   |
    | 429               | BudgetSpent   | BudgetSpent     |
    | 404               | RecordMissing | RecordMissing   |
    | 408, 5xx          | RetryLater    | UnknownOutcome  |
    | any other 4xx     | Rejected      | Rejected        |
    """
    status = response.status_code
    if 200 <= status < 300:
        return None
    if status in {401, 403} or 300 <= status < 400:
        return Misconfigured(f"{operation} was answered with {status}", system=system)
    if status == 429:
        not_before = _retry_after(response.headers.get("Retry-After"), now)
        return BudgetSpent(f"{operation}: 429", cause="too-many-calls", not_before=not_before, system=system)
    if status != 408 and status < 500:
        return _refusal(operation, response)
    if writes:
        return UnknownOutcome(f"{operation}: answered with {status}", system=system)
    return RetryLater(f"{operation}: answered with {status}", cause=f"status-{status}", system=system)


def _refusal(operation: str, response: requests.Response) -> Rejected:
    """What a 4xx says about which member, in the destination's own words (see `_problems`)."""
    problems = _problems(response)
    field = next((name for name in problems if "partner" in name.casefold()), next(iter(problems), None))
    if response.status_code == 404:
        return RecordMissing(f"{operation}: not found", cause="record-missing", field=field, status=404)
    text = "; ".join(problems.values()) or f"{operation} was refused with {response.status_code}"
    return Rejected(
        text[:400],
        cause=f"refused:{field or operation}",
        field=field,
        remedy="correct the value named, then retry",
        status=response.status_code,
    )


def _problems(response: requests.Response) -> dict[str, str]:
    """What an error body says by member: ModelState, RFC 7807 errors, or an error's details; else its one message."""
    try:
        body = _plain_names(simplejson.loads(response.content))
    except ValueError:
        return {}
    error = _plain_names(body.get("error"))
    listed = body.get("modelstate") or body.get("errors") or _by_member(error.get("details"))
    if isinstance(listed, dict) and listed:
        return {
            str(name): "; ".join(map(str, texts if isinstance(texts, list) else [texts]))
            for name, texts in listed.items()
        }
    text = body.get("message") or error.get("message") or body.get("detail") or body.get("title") or error.get("code")
    return {"": str(text)} if text else {}


def _by_member(details: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in map(_plain_names, details if isinstance(details, list) else []):
        text = entry.get("message") or entry.get("code")
        if text:
            found.setdefault(str(entry.get("field") or ""), []).append(str(text))
    return found


def _plain_names(value: object) -> dict[str, Any]:
    """An object with its names in small letters; empty for anything else."""
    return {str(name).casefold(): member for name, member in value.items()} if isinstance(value, dict) else {}


def _retry_after(header: str | None, now: datetime) -> datetime | None:
    if not header:
        return None
    try:
        return now + timedelta(seconds=min(86_400.0, max(0.0, float(header))))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _never_connected(error: requests.RequestException) -> bool:
    """Whether not one byte left: the connection itself failed."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _lost_how(error: requests.RequestException) -> str:
    return "timed out" if isinstance(error, requests.Timeout) else "the connection was lost"
