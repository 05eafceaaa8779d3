"""Settings: one validated document, every version a row of the state table, the newest one live within a minute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from giftbridge.domain.settings import Settings, read_settings
from giftbridge.domain.times import format_moment
from giftbridge.store.restores import newest_restore
from giftbridge.store.rows import Write, commit
from giftbridge.store.state import StateTable
from giftbridge.store.switches import enabled_row, switch_row, turning

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_HEAD = "settings"
_KEPT_FOR_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """A stored document; `number` is 0 for the defaults that hold before anything was saved."""

    number: int
    document: dict[str, Any]
    saved_at: str
    saved_by: str
    note: str

    @property
    def settings(self) -> Settings:
        """The document as settings."""
        return read_settings(self.document)


class SettingsVersions:
    """The versions of a stack's settings."""

    def __init__(
        self, client: DynamoDBClient, table: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.state = StateTable(client, table)
        self.now = now

    def current(self) -> SettingsVersion:
        """The newest version."""
        row = self.state.get(_HEAD)
        return _version(row) if row else SettingsVersion(0, {}, "", "", "defaults")

    def version(self, number: int) -> SettingsVersion | None:
        """An older version, or None."""
        row = self.state.get(f"{_HEAD}#{number:06d}")
        return _version(row) if row else None

    def history(self, limit: int = 50) -> list[SettingsVersion]:
        """The newest versions, newest first."""
        newest = self.current().number
        found = (self.version(number) for number in range(newest, max(0, newest - limit), -1))
        return [version for version in found if version is not None]

    def save(self, document: Mapping[str, Any], *, by: str, note: str) -> SettingsVersion:
        """Store a new version, unless the document says what the current one says.

        Raises InvalidSettings (the last good version stays) and LostRace.
        """
        settings = read_settings(dict(document))
        seen = self.state.get(_HEAD)
        current = _version(seen) if seen else SettingsVersion(0, {}, "", "", "defaults")
        if seen is not None and current.settings == settings:
            return current
        values = {
            "number": current.number + 1,
            "document": json.dumps(settings.model_dump(mode="json"), ensure_ascii=False),
            "saved_at": format_moment(self.now()),
            "saved_by": by,
            "note": note,
        }
        numbered = self.state.replacing(f"{_HEAD}#{current.number + 1:06d}", values, None)
        commit(
            self.state.client,
            [numbered, self.state.replacing(_HEAD, values, seen), *self._turns(current, settings)],
        )
        return _version(values)

    def _turns(self, before: SettingsVersion, after: Settings) -> list[Write]:
        """Each turn of a switch is recorded: what happened while it was on travels, the rest stays for backfill."""
        was, now = before.settings, self.now()
        turned = (
            (enabled_row("aegis"), was.aegis.enabled, after.aegis.enabled, False),
            (enabled_row("aegis-notes"), was.aegis.send_notes, after.aegis.send_notes, False),
            (enabled_row("virtuous"), was.virtuous.enabled, after.virtuous.enabled, False),
            (switch_row("virtuous-gifts"), was.virtuous.sync_gifts, after.virtuous.sync_gifts, True),
            (switch_row("virtuous-contacts"), was.virtuous.sync_contacts, after.virtuous.sync_contacts, True),
        )
        restore = newest_restore(self.state)
        writes = (
            turning(self.state, name, now, restore, is_on=is_on, was_on_for_ever=was_on and is_part)
            for name, was_on, is_on, is_part in turned
            if is_on is not was_on
        )
        return [write for write in writes if write is not None]


class LiveSettings:
    """The current settings, kept for a minute; a document that cannot be read leaves the last good one in force."""

    def __init__(self, versions: SettingsVersions) -> None:
        self.versions = versions
        self._kept: tuple[datetime, int, Settings] | None = None

    def get(self) -> tuple[int, Settings]:
        """Version number and settings."""
        now = self.versions.now()
        if self._kept is None or (now - self._kept[0]).total_seconds() > _KEPT_FOR_SECONDS:
            version = self.versions.current()
            if self._kept is None or version.number != self._kept[1]:
                self._kept = (now, version.number, version.settings)
            else:
                self._kept = (now, *self._kept[1:])
        return self._kept[1], self._kept[2]


def _version(row: Mapping[str, Any]) -> SettingsVersion:
    return SettingsVersion(
        int(row["number"]), json.loads(row["document"]), str(row["saved_at"]), str(row["saved_by"]), str(row["note"])
    )
