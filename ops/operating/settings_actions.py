"""Reading and changing the settings. Each save is a new version; a document that breaks a rule changes nothing."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from giftbridge.domain.settings import Settings, read_settings
from giftbridge.errors import InvalidSettings, LostRace, SettingsProblem
from giftbridge.store.settings_versions import SettingsVersion
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.settings_fields import all_fields, flat, laid_over
from ops.operating.stack import Stack


@dataclass(frozen=True, slots=True)
class Change:
    """One setting with another value than before."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Saved:
    """The version now in force, and what it changed; no changes means that nothing was saved."""

    version: SettingsVersion
    changes: tuple[Change, ...]


def whole(version: SettingsVersion) -> dict[str, Any]:
    """A version's document with every default filled in."""
    return version.settings.model_dump(mode="json")


def defaults() -> dict[str, Any]:
    """The document that holds before anything is set."""
    return read_settings({}).model_dump(mode="json")


def checked(document: Mapping[str, Any]) -> Settings:
    """The document as settings. Raises InvalidSettings; each problem says what its field takes."""
    try:
        return read_settings(dict(document))
    except InvalidSettings as refused:
        raise InvalidSettings([_with_allowed_values(problem) for problem in refused.problems]) from refused


def _with_allowed_values(problem: SettingsProblem) -> SettingsProblem:
    takes = next((known.takes for known in all_fields() if problem.is_of(known.name)), None)
    return replace(problem, text=f"{problem.text}; it takes {takes}") if takes is not None else problem


def over_current(stack: Stack, document: Mapping[str, Any]) -> dict[str, Any]:
    """A whole document, or any subset, laid over the current settings."""
    return laid_over(whole(stack.versions.current()), document)


def assign(stack: Stack, assignments: Iterable[str]) -> dict[str, Any]:
    """The current document with KEY=VALUE assignments made. Raises WrongUsage, InvalidSettings."""
    document = whole(stack.versions.current())
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or not name.strip():
            raise WrongUsage(f"{assignment!r} is no KEY=VALUE, such as aegis.channel=Web.")
        document = _assigned(document, name.strip(), text)
    checked(document)
    return document


def _assigned(document: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    """The value as JSON where the setting takes that, else as plain text: `warehouse_id=12` is the text "12"."""
    candidates: list[Any] = [text]
    with contextlib.suppress(ValueError):
        candidates.insert(0, json.loads(text))
    tried = [_with_value(document, name, value) for value in candidates]
    return next((candidate for candidate in tried if not _has_problem(candidate, name)), tried[0])


def _with_value(document: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    *sections, last = name.split(".")
    place: Any = changed
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise WrongUsage(f"{section} in {name} is a single value and has no parts.")
    place[last] = value
    return changed


def _has_problem(document: dict[str, Any], name: str) -> bool:
    try:
        read_settings(document)
    except InvalidSettings as refused:
        return any(problem.is_of(name) for problem in refused.problems)
    return False


def save(stack: Stack, document: Mapping[str, Any], *, by: str, note: str) -> Saved:
    """Store a document as the new version. Raises InvalidSettings, NeedsPerson."""
    checked(document)
    before = stack.versions.current()
    try:
        after = stack.versions.save(document, by=by, note=note)
    except LostRace as lost:
        raise NeedsPerson(
            "Somebody else saved settings at the same moment; nothing of yours was saved.",
            [f"See `giftbridge settings history {stack.hint}`, then try again."],
        ) from lost
    return Saved(after, tuple(changes_between(whole(before), whole(after))))


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Settings that differ, by name."""
    old, new = flat(before), flat(after)
    names = [*old, *(name for name in new if name not in old)]
    return [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def version_named(stack: Stack, number: int) -> SettingsVersion:
    """A stored version; 0 stands for the defaults. Raises WrongUsage."""
    if number == 0:
        return SettingsVersion(0, {}, "", "", "defaults")
    version = stack.versions.version(number)
    if version is None:
        newest = stack.versions.current().number
        raise WrongUsage(f"There is no settings version {number}; the newest is {newest}.")
    return version


def roll_back(stack: Stack, number: int, *, by: str) -> Saved:
    """Store an older version's document as the newest version."""
    version = version_named(stack, number)
    return save(stack, version.document, by=by, note=f"back to version {number}")


def read_document(text: str, where: str) -> dict[str, Any]:
    """A JSON object from text. Raises WrongUsage."""
    try:
        document = json.loads(text)
    except ValueError as unreadable:
        raise WrongUsage(f"{where} is no JSON: {unreadable}.") from unreadable
    if not isinstance(document, dict):
        raise WrongUsage(f'{where} must hold a JSON object such as {{"aegis": {{"channel": "Web"}}}}.')
    return document
