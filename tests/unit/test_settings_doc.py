"""docs/settings.md lists every setting with its default and its description."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from giftbridge.domain.settings import Settings
from tests.unit.tables import tables


def _expected(model: type[BaseModel], values: dict[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name, field in model.model_fields.items():
        inner, value = field.annotation, values[name]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _expected(inner, value, f"{path}{name}.")
        else:
            found.append((f"`{path}{name}`", f"`{json.dumps(value)}`", str(field.description)))
    return found


def test_the_page_lists_every_setting_with_its_default_and_description() -> None:
    listed = [row for rows in tables("settings.md").values() for row in rows]
    assert listed == _expected(Settings, Settings().model_dump(mode="json"))


def test_every_setting_is_described() -> None:
    assert all(len(description) > 10 for _, _, description in _expected(Settings, Settings().model_dump(mode="json")))
