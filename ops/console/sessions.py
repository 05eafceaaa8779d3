"""Browser sessions in this process' memory: who may come in, what was revealed, what waits for a confirmation."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

REVEALED_FOR = timedelta(minutes=10)
_LONGEST = timedelta(hours=12)
_MOST_SESSIONS = 200
_MOST_KEPT = 50


@dataclass(slots=True)
class Session:
    """One browser. `csrf` goes with every form; `flash` is said once, on the next page."""

    id: str
    began_at: datetime
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    flash: list[str] = field(default_factory=list)
    _revealed: dict[str, datetime] = field(default_factory=dict)
    _kept: OrderedDict[str, object] = field(default_factory=OrderedDict)

    def reveal(self, entity: str, now: datetime) -> None:
        """Show personal data of a donor, or of a delivery without one, for REVEALED_FOR."""
        self._revealed = {name: until for name, until in self._revealed.items() if until > now}
        self._revealed[entity] = now + REVEALED_FOR

    def revealed_until(self, entity: str, now: datetime) -> datetime | None:
        """Until when personal data of an entity are shown; None while they are masked."""
        until = self._revealed.get(entity)
        return until if until is not None and until > now else None

    def keep(self, plan: object) -> str:
        """Remember a plan that was shown, so that exactly it can be carried out; its name."""
        name = secrets.token_urlsafe(12)
        self._kept[name] = plan
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return name

    def kept(self, name: str) -> object | None:
        """A plan that was shown; None when there is no such, or no longer."""
        return self._kept.get(name)

    def drop(self, name: str) -> None:
        """Forget a plan: nothing is carried out twice."""
        self._kept.pop(name, None)


class Sessions:
    """All sessions. With a token, only who brings it gets one, and it is good for one browser."""

    def __init__(self, token: str | None, now: Callable[[], datetime]) -> None:
        self._token = token
        self._now = now
        self._found: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def needs_token(self) -> bool:
        """Whether a stranger on this machine is kept out."""
        return self._token is not None

    def of(self, cookie: str | None) -> Session | None:
        """The session that a cookie names; where no token is needed, a new one for who has none."""
        with self._lock:
            session = self._found.get(cookie) if cookie else None
            if session is not None and self._now() - session.began_at < _LONGEST:
                return session
            return None if self.needs_token else self._new()

    def enter(self, token: str) -> Session | None:
        """A session for who brings the token, once; None for anybody else."""
        with self._lock:
            is_right = self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())
            if not is_right or not self._token:
                return None
            self._token = ""
            return self._new()

    def _new(self) -> Session:
        session = Session(secrets.token_urlsafe(32), self._now())
        self._found[session.id] = session
        while len(self._found) > _MOST_SESSIONS:
            self._found.popitem(last=False)
        return session
