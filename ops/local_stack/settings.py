"""Brings a settings file and the systems that are switched on into the stack's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from giftbridge.errors import InvalidSettings
from giftbridge.store.settings_versions import SettingsVersions
from ops.local_stack.options import LocalOptions
from ops.local_stack.paths import LocalStackError
from ops.operating.settings_fields import laid_over

SWITCHED = ("aegis", "virtuous")


def bring_in_settings(dynamodb: Any, state_table: str, options: LocalOptions) -> None:
    """Saves a new settings version if the file or the switched-on systems differ from the current one."""
    versions = SettingsVersions(dynamodb, state_table)
    document = laid_over(versions.current().document, _read(options.settings_file) if options.settings_file else {})
    switches = {system: {"enabled": options.is_on(system)} for system in SWITCHED}
    try:
        versions.save(laid_over(document, switches), by="giftbridge local", note="start of the local stack")
    except InvalidSettings as refused:
        where = options.settings_file or "the stored settings"
        raise LocalStackError(f"{where} is refused: {refused.explain()}", exit_code=2) from refused


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as problem:
        raise LocalStackError(f"--settings {file} is no readable JSON: {problem}", exit_code=2) from problem
    if not isinstance(document, dict):
        raise LocalStackError(f"--settings {file} must hold a JSON object.", exit_code=2)
    return document
