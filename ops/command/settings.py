"""`giftbridge settings`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ops.command.showing import table
from ops.command.terminal import Terminal, verb
from ops.operating import settings_actions as actions
from ops.operating.live_check import Verdict, check_codes
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.settings_actions import Change, Saved
from ops.operating.settings_fields import all_fields, flat
from ops.operating.stack import Stack

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode="markdown", help="Read, check and change the settings."
)
_File = Annotated[
    Path, typer.Argument(help="A JSON file, or - for standard input; any subset of the settings will do.")
]


@app.callback()
def group() -> None:
    """Verbs of the settings."""


@app.command("show")
@verb
def show(
    terminal: Terminal,
    defaults: Annotated[bool, typer.Option("--defaults", help="Show the defaults instead.")] = False,
) -> int:
    """Show the settings in force."""
    if defaults:
        terminal.answer({"version": 0, "document": actions.defaults()}, _values_table(actions.defaults()))
        return HEALTHY
    version = terminal.stack.versions.current()
    document = actions.whole(version)
    data = {
        "version": version.number,
        "saved_at": version.saved_at,
        "saved_by": version.saved_by,
        "note": version.note,
        "document": document,
    }
    saved = f"Version {version.number}, saved {version.saved_at[:19]} by {version.saved_by}: {version.note}"
    terminal.answer(data, _values_table(document), saved if version.number else "Nothing is set: all are defaults.")
    return HEALTHY


@app.command("describe")
@verb
def describe(terminal: Terminal) -> int:
    """Say what each setting is for, what it takes and what its default is."""
    fields = all_fields()
    columns = ("setting", "default", "takes", "what it is for")
    rows = ((field.name, _shown(field.default), field.takes, field.description) for field in fields)
    terminal.answer({"settings": [asdict(field) for field in fields]}, table(columns, rows))
    return HEALTHY


@app.command("validate")
@verb
def validate(
    terminal: Terminal,
    file: Annotated[
        Path | None, typer.Argument(help="A JSON file, or - for standard input; without one, the settings in force.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask Aegis and Virtuous about every code too.")] = False,
) -> int:
    """Check a settings file without saving it, and with --live every code against the CRMs that are connected.

    Of Virtuous the credential is tried too. Exit code 2 when the document is refused, 1 when a CRM would refuse a code.
    """
    stack = terminal.stack
    if file is None:
        settings = stack.versions.current().settings
    else:
        settings = actions.checked(actions.over_current(stack, _read(file)))
    if not live:
        terminal.answer({"valid": True}, "The settings are valid.")
        return HEALTHY
    with terminal.counting("codes", None) as count:
        verdicts: list[Verdict] = []
        for verdict in check_codes(stack, settings):
            verdicts.append(verdict)
            count(len(verdicts))
    bad = [verdict for verdict in verdicts if not verdict.is_good]
    columns = ("where", "kind", "code", "asked", "it says", "what to do")
    rows = ((v.where, v.kind, v.code, v.system, v.verdict, v.remedy or "") for v in verdicts)
    asked = dict.fromkeys(verdict.system for verdict in verdicts)
    refused = Counter(verdict.system for verdict in bad)
    words = " ".join(
        f"{system} would refuse {refused[system]}." if refused[system] else f"{system} knows every code that is needed."
        for system in asked
    )
    data = {"valid": True, "codes": [asdict(v) | {"good": v.is_good} for v in verdicts], "refused": len(bad)}
    terminal.answer(data, table(columns, rows), words)
    return PERSON_NEEDED if bad else HEALTHY


@app.command("set")
@verb
def set_values(
    terminal: Terminal,
    assignments: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="aegis.channel=Web")],
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> int:
    """Change single settings: KEY=VALUE, with the value as JSON or as plain text.

    All are saved together as one new version, or none. In force within a minute.
    """
    stack = terminal.stack
    document = actions.assign(stack, assignments)
    return _save(terminal, document, note or f"set {', '.join(a.partition('=')[0] for a in assignments)}")


@app.command("import")
@verb
def import_file(
    terminal: Terminal, file: _File, note: Annotated[str, typer.Option(help="Why, for the history.")] = ""
) -> int:
    """Save a settings file, whole or any subset, over the settings in force."""
    document = actions.over_current(terminal.stack, _read(file))
    return _save(terminal, document, note or f"import of {file.name if str(file) != '-' else 'standard input'}")


@app.command("export")
@verb
def export(
    terminal: Terminal, file: Annotated[Path | None, typer.Argument(help="Where to; else to standard output.")] = None
) -> int:
    """Write the settings in force as a JSON document that `import` takes."""
    version = terminal.stack.versions.current()
    document = actions.whole(version)
    if file is None:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        return HEALTHY
    try:
        file.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as refused:
        raise WrongUsage(f"{file} cannot be written: {refused.strerror}.") from refused
    terminal.answer({"version": version.number, "file": str(file)}, f"Version {version.number} is in {file}.")
    return HEALTHY


@app.command("history")
@verb
def history(
    terminal: Terminal, limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many versions.")] = 20
) -> int:
    """List the versions of the settings, newest first."""
    versions = terminal.stack.versions.history(limit)
    named = ("number", "saved_at", "saved_by", "note")
    data = {"versions": [{name: getattr(version, name) for name in named} for version in versions]}
    rows = ((str(v.number), v.saved_at[:19].replace("T", " "), v.saved_by, v.note) for v in versions)
    terminal.answer(data, table(("version", "saved (UTC)", "by", "note"), rows))
    return HEALTHY


@app.command("diff")
@verb
def diff(
    terminal: Terminal,
    first: Annotated[int, typer.Argument(metavar="A", help="A version; 0 stands for the defaults.")],
    second: Annotated[
        int | None, typer.Argument(metavar="B", help="Another; without one, the settings in force.")
    ] = None,
) -> int:
    """Show what differs between two versions of the settings."""
    stack = terminal.stack
    before = actions.version_named(stack, first)
    after = actions.version_named(stack, second) if second is not None else stack.versions.current()
    changes = actions.changes_between(actions.whole(before), actions.whole(after))
    data = {"from": before.number, "to": after.number, "changes": [asdict(change) for change in changes]}
    words = f"From version {before.number} to {after.number}: " + (
        f"{len(changes)} differ." if changes else "the same."
    )
    terminal.answer(data, *([_changes_table(changes)] if changes else []), words)
    return HEALTHY


@app.command("rollback")
@verb
def rollback(
    terminal: Terminal,
    number: Annotated[int, typer.Argument(metavar="N", help="The version to go back to; 0 stands for the defaults.")],
) -> int:
    """Go back to an older version of the settings, by saving it as the newest."""
    stack = terminal.stack
    return _answer_saved(terminal, stack, actions.roll_back(stack, number, by=stack.operator()))


def _save(terminal: Terminal, document: dict[str, Any], note: str) -> int:
    stack = terminal.stack
    return _answer_saved(terminal, stack, actions.save(stack, document, by=stack.operator(), note=note))


def _answer_saved(terminal: Terminal, stack: Stack, saved: Saved) -> int:
    number = saved.version.number
    data = {
        "version": number,
        "saved": bool(saved.changes),
        "changes": [asdict(change) for change in saved.changes],
    }
    if not saved.changes:
        terminal.answer(data, f"Nothing differs from version {number}; nothing was saved.")
        return HEALTHY
    undo = f"giftbridge settings rollback {number - 1} {stack.hint}"
    back = f"Version {number} is saved and in force within a minute. Undo it with: {undo}"
    terminal.answer(data, _changes_table(list(saved.changes)), back)
    return HEALTHY


def _read(file: Path) -> dict[str, Any]:
    if str(file) == "-":
        return actions.read_document(sys.stdin.read(), "Standard input")
    try:
        return actions.read_document(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as unreadable:
        raise WrongUsage(f"{file} cannot be read: {unreadable}.") from unreadable


def _values_table(document: dict[str, Any]) -> Table:
    defaults = flat(actions.defaults())
    values = flat(document)
    rows = ((name, _shown(value), "" if value == defaults.get(name) else "set") for name, value in values.items())
    return table(("setting", "value", ""), rows)


def _changes_table(changes: list[Change]) -> Table:
    return table(("setting", "before", "after"), ((c.name, _shown(c.before), _shown(c.after)) for c in changes))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
