"""Settings: read, changed field by field or as JSON, checked, shown as a difference, saved; history and roll-back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from giftbridge.errors import InvalidSettings
from ops.console.visit import Visit, acts, looks
from ops.operating import settings_actions as actions
from ops.operating import story
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.settings_actions import Change
from ops.operating.settings_fields import SettingsField, all_fields, flat

_HISTORY = 100
_ENTITY = "settings"


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was shown as a difference to a version."""

    document: Mapping[str, Any]
    over: int
    note: str


@dataclass(frozen=True, slots=True)
class FormField:
    """A setting in the form: its value as text, its choices where it has few, what is wrong with it."""

    field: SettingsField
    label: str
    text: str
    options: tuple[str, ...]
    is_default: bool
    problem: str | None


def current(visit: Visit) -> Response:
    """The settings in force, each with its default."""
    version = visit.stack.versions.current()
    return visit.page(
        "settings.html",
        "Settings",
        version=version,
        sections=_sections(_fields(flat(actions.whole(version)), {}, {})),
    )


def edit(visit: Visit) -> Response:
    """The form."""
    return _form(visit, {}, {}, [])


def _form(visit: Visit, given: Mapping[str, str], problems: Mapping[str, str], others: list[str]) -> Response:
    version = visit.stack.versions.current()
    sections = _sections(_fields(flat(actions.whole(version)), given, problems))
    status = 422 if problems or others else 200
    return visit.page(
        "settings_edit.html", "Edit settings", status=status, version=version, sections=sections, others=others
    )


def _fields(values: Mapping[str, Any], given: Mapping[str, str], problems: Mapping[str, str]) -> list[FormField]:
    return [
        FormField(
            field,
            (field.name.partition(".")[2] or field.name).replace(".", ": ").replace("_", " "),
            given.get(field.name, shown(values.get(field.name))),
            field.options,
            values.get(field.name) == field.default,
            problems.get(field.name),
        )
        for field in all_fields()
    ]


def _sections(fields: list[FormField]) -> list[tuple[str, list[FormField]]]:
    found: dict[str, list[FormField]] = {}
    for one in fields:
        section, dot, _ = one.field.name.partition(".")
        found.setdefault(section.replace("_", " ") if dot else "general", []).append(one)
    return list(found.items())


def shown(value: Any) -> str:
    """A value as text: plain text as it is, nothing for null, else JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check(visit: Visit) -> Response:
    """Check what the form says, and show what would change; a mistake is told at its field."""
    given = {
        name.removeprefix("s:"): value.strip()
        for name, value in visit.form.multi_items()
        if name.startswith("s:") and not isinstance(value, UploadFile)
    }
    fields = {field.name: field for field in all_fields()}
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise WrongUsage(f"{unknown[0][:60]!r} is no setting.")
    values = flat(actions.whole(visit.stack.versions.current()))
    assignments = [
        f"{name}={_typed(fields[name], text)}" for name, text in given.items() if text != shown(values.get(name))
    ]
    try:
        document = actions.assign(visit.stack, assignments)
    except InvalidSettings as refused:
        problems, others = _by_field(refused, fields)
        return _form(visit, given, problems, others)
    return _difference(visit, document, visit.given("note") or "edited in the console")


def _typed(field: SettingsField, text: str) -> str:
    return "null" if not text and field.may_be_null else text


def _by_field(refused: InvalidSettings, fields: Mapping[str, SettingsField]) -> tuple[dict[str, str], list[str]]:
    """Problems at their fields, and those that are of none."""
    found: dict[str, str] = {}
    others: list[str] = []
    for problem in refused.problems:
        name = next((name for name in fields if problem.is_of(name)), None)
        if name is None:
            others.append(str(problem))
        else:
            found[name] = problem.text
    return found, others


def json_form(visit: Visit) -> Response:
    """The document as JSON."""
    document = actions.whole(visit.stack.versions.current())
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return visit.page("settings_json.html", "Settings as JSON", text=text, problems=[])


def json_check(visit: Visit) -> Response:
    """Check a JSON document, whole or any subset, and show what would change."""
    text = visit.form.get("document")
    if not isinstance(text, str):
        raise WrongUsage("The document is missing.")
    try:
        document = actions.over_current(visit.stack, actions.read_document(text, "The document"))
        actions.checked(document)
    except (InvalidSettings, WrongUsage) as refused:
        problems = list(map(str, refused.problems)) if isinstance(refused, InvalidSettings) else [refused.text]
        return visit.page("settings_json.html", "Settings as JSON", status=422, text=text, problems=problems)
    return _difference(visit, document, visit.given("note") or "imported in the console")


def _difference(visit: Visit, document: Mapping[str, Any], note: str) -> Response:
    version = visit.stack.versions.current()
    after = actions.checked(document).model_dump(mode="json")
    changes = actions.changes_between(actions.whole(version), after)
    key = visit.session.keep(Kept(document, version.number, note)) if changes else None
    return visit.page("settings_diff.html", "What would change", changes=_told(changes), key=key, note=note)


def save(visit: Visit) -> Response:
    """Save exactly what was shown, as a new version."""
    key = visit.needed("plan", "The difference")
    kept = visit.session.kept(key)
    if not isinstance(kept, Kept):
        raise WrongUsage("The difference is no longer there; nothing was saved.", ["Check the change again."])
    if visit.stack.versions.current().number != kept.over:
        raise NeedsPerson(
            "Somebody saved other settings meanwhile; nothing of yours was saved.", ["Check your change again."]
        )
    saved = actions.save(visit.stack, kept.document, by=visit.who(), note=kept.note)
    visit.session.drop(key)
    _record(visit, f"version {saved.version.number}: {kept.note}", [change.name for change in saved.changes])
    return visit.go("/settings", f"Version {saved.version.number} is saved, and in force within a minute.")


def _record(visit: Visit, why: str, names: list[str]) -> None:
    text = f"{why} ({', '.join(names)})" if names else why
    story.record(visit.stack, _ENTITY, what="settings saved", why=text[:400], who=visit.who())


def history(visit: Visit) -> Response:
    """All versions, newest first, and the difference of two."""
    versions = visit.stack.versions.history(_HISTORY)
    first, second = _number(visit.asked("from")), _number(visit.asked("to"))
    changes = None
    if first is not None and second is not None:
        before, after = (actions.version_named(visit.stack, number) for number in (first, second))
        changes = _told(actions.changes_between(actions.whole(before), actions.whole(after)))
    return visit.page(
        "settings_history.html",
        "History of the settings",
        versions=versions,
        newest=versions[0].number if versions else 0,
        changes=changes,
        first=first,
        second=second,
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise WrongUsage(f"{text[:40]!r} is no version.")
    return int(text)


def _told(changes: list[Change]) -> list[tuple[str, str, str]]:
    return [(change.name, shown(change.before), shown(change.after)) for change in changes]


def rollback_form(visit: Visit) -> Response:
    """What a roll-back would change."""
    number = _number(visit.asked("to"))
    if number is None:
        raise WrongUsage("Which version?")
    version = actions.version_named(visit.stack, number)
    return _difference(visit, actions.whole(version), f"back to version {number}")


def export(visit: Visit) -> Response:
    """The settings in force as a file that an import takes."""
    version = visit.stack.versions.current()
    text = json.dumps(actions.whole(version), ensure_ascii=False, indent=2) + "\n"
    name = f"giftbridge-settings-{version.number}.json"
    return Response(
        text, media_type="application/json", headers={"content-disposition": f"attachment; filename={name}"}
    )


ROUTES = (
    looks("/settings", current),
    looks("/settings/edit", edit),
    acts("/settings/edit", check),
    looks("/settings/json", json_form),
    acts("/settings/json", json_check),
    acts("/settings", save),
    looks("/settings/history", history),
    looks("/settings/rollback", rollback_form),
    looks("/settings/export", export),
)
