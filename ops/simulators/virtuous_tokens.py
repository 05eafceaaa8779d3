"""Logging in to the simulated Virtuous by name and password, with or without a second factor; and tokens."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from ops.simulators.virtuous_settings import VirtuousSettings, VirtuousUser
from ops.simulators.wire import Answer, Call

FORM = "application/x-www-form-urlencoded"


class Tokens:
    """The access and refresh tokens that were given out."""

    def __init__(self, clock: Callable[[], datetime], settings: VirtuousSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._given = 0
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, tuple[str, datetime]] = {}

    def accepts(self, token: str) -> bool:
        """Whether an access token is known and still good."""
        return self._access.get(token, self._clock()) > self._clock()

    def issue(self, call: Call) -> Answer:
        """The password grant, its second step, and refreshing."""
        headers = call.request.headers
        if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return refused("invalid_request", "The request must be form encoded.")
        form = dict(parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True))
        match form.get("grant_type"):
            case "password":
                return self._by_password(form)
            case "refresh_token":
                return self._by_refresh_token(form)
            case _:
                return refused("unsupported_grant_type", "The grant type is not supported.")

    def _by_password(self, form: Mapping[str, str]) -> Answer:
        name = form.get("username", "")
        user = self._settings.users.get(name)
        given = form.get("password", "").encode("utf-8", "replace")
        if user is None or not hmac.compare_digest(given, user.password.encode()):
            return refused("invalid_grant", "The user name or password is incorrect.")
        if user.otp is not None and "otp" not in form:
            waiting = {"error": "awaiting_verification", "error_description": "A code was sent to the user."}
            return Answer.of_json(waiting, 202)
        if user.otp is not None and form["otp"] != user.otp:
            return refused("invalid_grant", "The verification code is incorrect.")
        return self._pair(name, user)

    def _by_refresh_token(self, form: Mapping[str, str]) -> Answer:
        # Each refresh token is good once: its answer brings the next one.
        name, ends = self._refresh.pop(form.get("refresh_token", ""), ("", self._clock()))
        user = self._settings.users.get(name)
        if user is None or ends <= self._clock():
            return refused("invalid_grant", "The refresh token is unknown or expired.")
        return self._pair(name, user)

    def _pair(self, name: str, user: VirtuousUser) -> Answer:
        now = self._clock()
        self._given += 1
        access, refresh = (_token(kind, name, self._given) for kind in ("access", "refresh"))
        ends = now + timedelta(seconds=self._settings.access_seconds)
        self._access[access] = ends
        self._refresh[refresh] = name, now + timedelta(seconds=self._settings.refresh_seconds)
        body: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": self._settings.access_seconds,
            "refresh_token": refresh,
            "userName": name,
            "twoFactorEnabled": str(user.otp is not None),
            ".issued": _http_date(now),
            ".expires": _http_date(ends),
        }
        return Answer.of_json(body)


def refused(code: str, description: str) -> Answer:
    """A grant that is refused."""
    return Answer.of_json({"error": code, "error_description": description}, 400)


def _token(kind: str, name: str, number: int) -> str:
    return f"{kind}-{hashlib.sha256(f'{kind}:{name}:{number}'.encode()).hexdigest()[:40]}"


def _http_date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
