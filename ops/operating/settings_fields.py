"""The settings as a person meets them: every field with its default, what it takes and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from giftbridge.domain.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class SettingsField:
    """One setting; `takes` says in words what values are allowed, `options` lists them where they are few."""

    name: str
    default: Any
    takes: str
    description: str
    options: tuple[str, ...]
    may_be_null: bool


def all_fields() -> list[SettingsField]:
    """Every setting, in the document's order."""
    schema = Settings.model_json_schema()
    defaults = read_settings({}).model_dump(mode="json")
    return list(_fields(schema, schema["$defs"], defaults, ""))


def _fields(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str
) -> list[SettingsField]:
    found: list[SettingsField] = []
    for name, member in schema["properties"].items():
        section = _section(member, definitions)
        if section is not None:
            found += _fields(section, definitions, defaults[name], f"{prefix}{name}.")
        else:
            takes, told = _takes(member, definitions), member.get("description", "")
            may_be_null = any(option.get("type") == "null" for option in member.get("anyOf", ()))
            options = _options(member, definitions)
            found.append(SettingsField(prefix + name, defaults[name], takes, told, options, may_be_null))
    return found


def _section(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    reference = member.get("$ref")
    if reference is None:
        return None
    section: Mapping[str, Any] = definitions[reference.rsplit("/", 1)[-1]]
    return section if "properties" in section else None


def _options(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, ...]:
    if "$ref" in schema:
        return _options(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    return ("true", "false") if schema.get("type") == "boolean" else tuple(map(str, schema.get("enum", ())))


def _takes(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Allowed values in words, from a JSON schema."""
    if "$ref" in schema:
        return _takes(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in schema:
        options = dict.fromkeys(_takes(option, definitions) for option in schema["anyOf"])
        return " or ".join(sorted(options, key=lambda words: words != "null"))
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = schema.get("type")
    if kind == "array":
        return f"a list of: {_takes(schema['items'], definitions)}"
    if kind == "object":
        values = schema.get("additionalProperties")
        keys = schema.get("propertyNames")
        named = f" from {_takes(keys, definitions)}" if keys else ""
        return f"an object{named} to {_takes(values, definitions)}" if isinstance(values, Mapping) else "an object"
    return _plain_kind(kind, schema)


def _plain_kind(kind: object, schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "a moment such as 2026-01-31T00:00:00Z"
    if schema.get("pattern") == "^[A-Z]{3}$":
        return "a code of three capital letters"
    words = {"string": "text", "boolean": "true or false", "integer": "a whole number", "number": "a number"}
    bounds = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    limits = [f"{word} {schema[bound]:g}" for bound, word in bounds.items() if bound in schema]
    return " ".join([words.get(str(kind), str(kind)), *limits])


def laid_over(base: Mapping[str, Any], over: Mapping[str, Any], model: type[BaseModel] = Settings) -> dict[str, Any]:
    """A document with another's values over it. Sections are merged; lists and mappings are values, replaced whole."""
    result = dict(base)
    for name, value in over.items():
        field = model.model_fields.get(name)
        section = field.annotation if field is not None else None
        if isinstance(value, Mapping) and isinstance(section, type) and issubclass(section, BaseModel):
            mine = result.get(name)
            result[name] = laid_over(mine if isinstance(mine, Mapping) else {}, value, section)
        else:
            result[name] = value
    return result


def flat(document: Mapping[str, Any], model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, Any]:
    """A document as one value for each setting's whole name."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        field = model.model_fields.get(name)
        section = field.annotation if field is not None else None
        if isinstance(value, Mapping) and isinstance(section, type) and issubclass(section, BaseModel):
            found |= flat(value, section, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
