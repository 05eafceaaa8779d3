"""Which codes Aegis knows: asked once, remembered in the process and in the state table (requirement A13)."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Literal

from giftbridge.clients.aegis import Aegis, CodeState
from giftbridge.domain.settings import AegisSettings, LookupKind
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace, Rejected
from giftbridge.store.state import StateTable

KNOWN_FOR = timedelta(hours=1)
UNKNOWN_FOR = timedelta(seconds=10)
_LONGEST_KEPT_LIST = 500
Verdict = Literal["active", "inactive", "missing", "not-offered"]

_REMEDIES: Mapping[LookupKind, str] = {
    "fund": "add the fund in Aegis, or correct the project's code on RaiseDonors, then retry",
    "appeal": "add the appeal in Aegis, or name a default in the setting aegis.default_appeal_code, then retry",
    "product": "add the product in Aegis, or correct the premium on RaiseDonors, then retry",
    "origin_source": "add it in Aegis, or correct the setting aegis.origin_source, then retry",
    "batch_category": "add it in Aegis, or correct the setting aegis.batch_category, then retry",
    "warehouse": "add it in Aegis, or correct the setting aegis.warehouse_id, then retry",
    "pledge_program": "add it in Aegis, or correct the setting aegis.pledge_program_name, then retry",
    "channel": "add it in Aegis, or correct the setting aegis.channel, then retry",
}


def _likeness(code: str) -> str:
    """What codes have in common that people take for the same."""
    return " ".join("".join(c for c in code if unicodedata.category(c) != "Cf").split()).casefold()


class AegisCodes:
    """Verdicts on codes. An active code is trusted for an hour, anything else for ten seconds."""

    def __init__(
        self,
        aegis: Aegis,
        state: StateTable,
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.RLock,
    ) -> None:
        self.aegis = aegis
        self.state = state
        self.now = now
        self._remembered: dict[tuple[str, str], tuple[datetime, Verdict]] = {}
        self._read_from_table: set[str] = set()
        self._listed: dict[str, tuple[datetime, bool]] = {}
        self._lock = lock()

    def require(self, kind: LookupKind, code: str, field: str, settings: AegisSettings) -> None:
        """Raises Rejected, naming code and remedy, when Aegis would refuse the code."""
        verdict = self.verdict(kind, code, settings)
        if verdict in {"missing", "inactive"}:
            problem = "is inactive in Aegis" if verdict == "inactive" else "does not exist in Aegis"
            raise Rejected(
                f"{kind.replace('_', ' ')} {code[:80]!r} {problem}",
                cause=f"unknown-{kind.replace('_', '-')}:{code[:60]}",
                field=field,
                remedy=_REMEDIES[kind],
            )

    def verdict(self, kind: LookupKind, code: str, settings: AegisSettings) -> Verdict:
        """What is known of a code; `not-offered` where neither Aegis nor the settings can tell."""
        with self._lock:
            self._read_table(kind)
            kept = self._remembered.get((kind, code))
            if kept is not None and kept[0] > self.now():
                verdict = kept[1]
            else:
                verdict = self._ask(kind, code)
                if self._remembered.get((kind, code), (self.now(), verdict))[0] <= self.now():
                    self._remember(kind, code, verdict)
            if verdict == "not-offered" and kind in settings.codes:
                return "active" if code in settings.codes[kind] else "missing"
            return verdict

    def spelled(self, kind: LookupKind, code: str, settings: AegisSettings) -> str:
        """A code in Aegis' own spelling where it differs in blanks and capitals alone; else without blanks around it.

        One that is spelled in several ways there is taken as it is written.
        """
        text = code.strip()
        with self._lock:
            if self.verdict(kind, text, settings) in {"active", "inactive"}:
                return text
            now, wanted = self.now(), _likeness(text)
            known = {
                c
                for (k, c), (until, verdict) in self._remembered.items()
                if k == kind and verdict == "active" and until > now
            }
            same = {own for own in known | set(settings.codes.get(kind, ())) if _likeness(own) == wanted}
            return same.pop() if len(same) == 1 else text

    def knows_donor_id(self, field: str) -> bool:
        """Whether Aegis has the custom data field for the donor id; checked once an hour."""
        with self._lock:
            self._read_table("custom_field")
            kept = self._remembered.get(("custom_field", field))
            if kept is None or kept[0] <= self.now():
                found: Verdict = "active" if self.aegis.has_custom_field(field, longest_value=12) else "missing"
                self._remembered["custom_field", field] = (self.now() + KNOWN_FOR, found)
                if found == "active":
                    self._write_table("custom_field", [field])
                return found == "active"
            return kept[1] == "active"

    def is_first_time(self, event: str) -> bool:
        """Whether something that is to be said once has not been said yet."""
        try:
            self.state.put(f"said#{event}", {"at": format_moment(self.now())}, None)
        except LostRace:
            return False
        return True

    def _ask(self, kind: LookupKind, code: str) -> Verdict:
        """The whole list first, so that the next codes cost no call; then the one code, if the list is old or long.

        A 404 for one code proves nothing where there is no list: the look-up may not be offered at all.
        """
        listed_at, is_offered = self._listed.get(kind, (None, False))
        if listed_at is None or self.now() - listed_at >= KNOWN_FOR:
            listed = self.aegis.codes(kind)
            is_offered = listed is not None
            self._listed[kind] = (self.now(), is_offered)
            if listed is not None:
                self._remember_list(kind, listed)
                if code in listed:
                    return listed[code]
        state: CodeState = self.aegis.code_state(kind, code)
        if state == "missing" and not is_offered:
            return "not-offered"
        return state

    def _remember_list(self, kind: LookupKind, listed: Mapping[str, CodeState]) -> None:
        until = self.now() + KNOWN_FOR
        active = [code for code, state in listed.items() if state == "active"]
        self._remembered.update({(kind, code): (until, "active") for code in active})
        if len(active) <= _LONGEST_KEPT_LIST:
            self._write_table(kind, active)

    def _remember(self, kind: str, code: str, verdict: Verdict) -> None:
        lasting = verdict in {"active", "not-offered"}
        self._remembered[kind, code] = (self.now() + (KNOWN_FOR if lasting else UNKNOWN_FOR), verdict)
        if verdict == "active":
            self._write_table(kind, [code])

    def _read_table(self, kind: str) -> None:
        """What other processes learned, read once a process and kind: a cold start asks Aegis nothing."""
        if kind in self._read_from_table:
            return
        row = self.state.get(f"codes#aegis#{kind}") or {}
        for code, until in dict(row.get("active", {})).items():
            self._remembered.setdefault((kind, code), (parse_moment(until), "active"))
        self._read_from_table.add(kind)

    def _write_table(self, kind: str, codes: Iterable[str]) -> None:
        seen = self.state.get(f"codes#aegis#{kind}")
        now = self.now()
        kept: dict[str, Any] = dict((seen or {}).get("active", {}))
        active = {name: until for name, until in kept.items() if parse_moment(until) > now}
        active |= {code: format_moment(now + KNOWN_FOR) for code in codes}
        try:
            self.state.put(f"codes#aegis#{kind}", {"active": active}, seen)
        except LostRace:
            return
