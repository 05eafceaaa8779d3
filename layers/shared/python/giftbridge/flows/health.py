"""What calls say about a system's health, written where every process sees it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from giftbridge.domain import destinations as rules
from giftbridge.domain.destinations import Destination
from giftbridge.errors import BudgetSpent, Forbidden, GiftBridgeError, Misconfigured
from giftbridge.flows.tools import Tools

log = logging.getLogger("giftbridge")
_KEPT_FOR = timedelta(seconds=2)
_PAUSE_WITHOUT_A_TIME = timedelta(seconds=30)
_WRONG_CREDENTIALS = 401
TOO_MANY_CALLS = "too-many-calls"


class Health:
    """The destinations' rows, remembered for moments."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._kept: dict[str, tuple[datetime, Destination]] = {}

    def of(self, system: str) -> Destination:
        """A system's health as it was moments ago; of the waits it asked for only what is believed."""
        now = self.tools.now()
        kept = self._kept.get(system)
        if kept is None or now - kept[0] > _KEPT_FOR:
            row = self.tools.state.destination(system)
            kept = (now, replace(row, not_before=row.waits_until(now)))
            self._kept[system] = kept
        return kept[1]

    def forget(self) -> None:
        """Read anew next time."""
        self._kept.clear()

    def blocks(self, systems: tuple[str, ...], delivery_id: str) -> tuple[str, datetime] | None:
        """Why a delivery may not call one of the systems now, and until when."""
        found = (self.of(system).blocks(delivery_id, self.tools.now()) for system in systems)
        return next((blocked for blocked in found if blocked is not None), None)

    def note_success(self, system: str) -> None:
        """The system answered as it should; written only when that is news."""
        now = self.tools.now()
        if rules.needs_success_noted(self.of(system), now):
            changed = self.tools.state.change_destination(system, lambda d: rules.after_success(d, now))
            self._kept[system] = (now, changed)

    def note_trouble(self, error: GiftBridgeError, default_system: str, donor: str) -> None:
        """What an error says about a system: refused credentials stop it, a 429 pauses it, failures add up."""
        system = getattr(error, "system", None) or default_system
        is_from_gateway = isinstance(error, Forbidden) and error.is_from_gateway
        if isinstance(error, Misconfigured) and not is_from_gateway:
            self._stop(error, system)
        elif isinstance(error, BudgetSpent) and error.cause == TOO_MANY_CALLS:
            now = self.tools.now()
            until = error.not_before or now + _PAUSE_WITHOUT_A_TIME
            self.tools.state.change_destination(system, lambda d: rules.after_too_many_calls(d, until, now))
        elif getattr(error, "counts", True):
            _, settings = self.tools.settings()
            now = self.tools.now()
            self.tools.state.change_destination(
                system, lambda d: rules.after_failure(d, donor, settings.retries, error.text, now)
            )
        self.forget()

    def versions(self, system: str) -> str:
        """Settings and secret version: when either changes, refused credentials are worth another try."""
        number, _ = self.tools.settings()
        return f"{number}/{self.tools.credentials_version(system)}"

    def _stop(self, error: Misconfigured, system: str) -> None:
        log.error("credentials refused", extra={"destination": system})
        now, versions = self.tools.now(), self.versions(system)
        may_lock_out = not isinstance(error, Forbidden) or error.status == _WRONG_CREDENTIALS
        self.tools.state.change_destination(
            system,
            lambda d: rules.after_refused_credentials(d, error.text, versions, now, may_lock_out=may_lock_out),
        )
