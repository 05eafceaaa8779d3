"""What the contracts require of each operation's answer, read from the contracts themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SYSTEMS = ("aegis", "raisedonors", "virtuous")
# By these names the contracts call a record's own id.
IDENTITIES = ("InvoiceNumber", "FundID", "ID", "id")
COUNTS = frozenset({"PageCount", "TotalCount", "total"})


@dataclass(frozen=True)
class Record:
    """A record's required members with their JSON types, and the one that says which record it is."""

    required: Mapping[str, str]
    identity: str | None
    has_number: bool
    """Whether the identity is a number; else it is a text."""


@dataclass(frozen=True)
class Shape:
    """One operation's answer. A page has its `rows` under `list_member`; a record has itself in `record`."""

    system: str
    operation: str
    method: str
    is_owed: bool
    """Whether the contract promises a JSON body."""
    is_page: bool
    list_member: str | None
    counts: tuple[str, ...]
    record: Record

    @property
    def is_write(self) -> bool:
        """Whether the operation changes something: a POSTed query does not."""
        return self.method != "get" and not self.operation.startswith("query")

    @property
    def creates(self) -> bool:
        """Whether its answer names what it made."""
        return self.is_write and self.is_owed and self.record.identity is not None


@cache
def shapes() -> dict[tuple[str, str], Shape]:
    """All operations of the three contracts."""
    found: dict[tuple[str, str], Shape] = {}
    for system in SYSTEMS:
        document = yaml.safe_load((CONTRACTS / f"{system}.openapi.yaml").read_text(encoding="utf-8"))
        for path in document["paths"].values():
            for method, operation in path.items():
                if isinstance(operation, dict) and "operationId" in operation:
                    shape = _Reader(document).shape(system, method, operation)
                    found[system, shape.operation] = shape
    return found


class _Reader:
    """Reads one contract."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def shape(self, system: str, method: str, operation: Mapping[str, Any]) -> Shape:
        answers = operation["responses"]
        content = self._resolved(answers.get("200", {})).get("content", {})
        schema = self._resolved(content.get("application/json", {}).get("schema", {}))
        members, required = self._members(schema)
        list_member = next((name for name, one in members.items() if self._is_array(one)), None)
        is_page = bool(COUNTS & required) and list_member is not None
        rows = (
            schema.get("items") if schema.get("type") == "array" else members[list_member]["items"] if is_page else None
        )
        return Shape(
            system,
            str(operation["operationId"]),
            method,
            is_owed="204" not in answers and bool(members or rows),
            is_page=is_page,
            list_member=list_member if is_page else None,
            counts=tuple(name for name in members if name in COUNTS) if is_page else (),
            record=self._record(schema if rows is None else rows),
        )

    def _record(self, schema: Mapping[str, Any]) -> Record:
        members, required = self._members(schema)
        identity = next((name for name in IDENTITIES if name in members), None)
        types = {name: self._type(members[name]) for name in sorted(required)}
        return Record(types, identity, identity is not None and self._type(members[identity]) == "integer")

    def _members(self, schema: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """The properties of a schema, those of its parts too, and the names of the required ones."""
        schema = self._resolved(schema)
        members, required = dict(schema.get("properties", {})), set(schema.get("required", ()))
        for part in schema.get("allOf", ()):
            more, needed = self._members(part)
            members |= more
            required |= needed
        return {name: self._resolved(one) for name, one in members.items()}, required

    def _type(self, schema: Mapping[str, Any]) -> str:
        named = self._resolved(schema).get("type", "object")
        return str(named if isinstance(named, str) else next(one for one in named if one != "null"))

    def _is_array(self, schema: Mapping[str, Any]) -> bool:
        return self._type(schema) == "array"

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self.document
            for step in str(schema["$ref"]).split("/")[1:]:
                found = found[step]
            schema = found
        return schema
