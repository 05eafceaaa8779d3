"""An OpenAPI 3.1 document turned into operations with ready validators."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import jsonschema_rs
import yaml

METHODS = ("get", "put", "post", "patch", "delete", "head", "options")
PROBLEMS_NAMED = 5


@dataclass
class Parameter:
    """One path, query or header parameter."""

    name: str
    place: str
    required: bool
    schema: dict[str, Any]
    validator: Any

    def problems(self, text: str) -> list[str]:
        """What is wrong with a value, given as the text it came as."""
        return _messages(self.validator, self._value(text))

    def _value(self, text: str) -> Any:
        kind = self.schema.get("type", "string")
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind in ("integer", "number"):
            try:
                return int(text) if kind == "integer" else float(text)
            except ValueError:
                return text
        return text


@dataclass
class BodyReader:
    """The schemas of a body by media type; each validator is built when it is first needed."""

    schemas: dict[str, Any]
    components: dict[str, Any]

    @cached_property
    def _validators(self) -> dict[str, Any]:
        return {media_type: _validator(schema, self.components) for media_type, schema in self.schemas.items()}

    def problems(self, media_type: str, body: bytes) -> list[str]:
        """What is wrong with a body of this media type."""
        try:
            value = _value_of(media_type, body)
        except ValueError as error:
            return [f"not {'JSON' if media_type.endswith('json') else media_type}: {error}"]
        return _messages(self._validators[media_type], value)


@dataclass
class Response:
    """One documented response; without `body` the contract leaves the body open."""

    body: BodyReader | None


@dataclass
class ContractOperation:
    """One operation of the contract."""

    operation_id: str
    parameters: list[Parameter]
    request_body: BodyReader | None
    body_required: bool
    responses: dict[str, Response]
    auth_scheme: str | None


class Contract:
    """A contract, indexed by method and path template."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._components: dict[str, Any] = document.get("components", {})
        self._by_shape: dict[tuple[str, int], list[tuple[list[str], ContractOperation]]] = {}
        for template, item in document.get("paths", {}).items():
            segments = template.strip("/").split("/")
            for method in METHODS:
                if method in item:
                    operation = self._operation(item, item[method])
                    self._by_shape.setdefault((method.upper(), len(segments)), []).append((segments, operation))
        for candidates in self._by_shape.values():
            candidates.sort(key=lambda candidate: [segment.startswith("{") for segment in candidate[0]])

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Read a contract from a YAML file; one that was read before is not read again."""
        return _loaded(path.resolve())

    @classmethod
    def read(cls, path: Path) -> "Contract":
        """Read a contract from a YAML file anew."""
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_JsonLikeLoader)  # noqa: S506 - a safe loader
        return cls(document)

    def find(self, method: str, path: str) -> tuple[ContractOperation | None, dict[str, str]]:
        """The operation of a method and a percent-encoded path, and the decoded path values."""
        segments = path.strip("/").split("/")
        for template, operation in self._by_shape.get((method, len(segments)), []):
            pairs = list(zip(template, segments, strict=True))
            if all(wanted == given or (wanted.startswith("{") and given) for wanted, given in pairs):
                return operation, {wanted[1:-1]: unquote(given) for wanted, given in pairs if wanted.startswith("{")}
        return None, {}

    def operations(self) -> Iterator[ContractOperation]:
        """All operations."""
        for candidates in self._by_shape.values():
            for _, operation in candidates:
                yield operation

    def _operation(self, item: dict[str, Any], operation: dict[str, Any]) -> ContractOperation:
        request_body = self._resolve(operation["requestBody"]) if "requestBody" in operation else None
        return ContractOperation(
            operation_id=operation["operationId"],
            parameters=[
                self._parameter(self._resolve(parameter))
                for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]
            ],
            request_body=self._body(request_body) if request_body else None,
            body_required=bool(request_body and request_body.get("required")),
            responses={
                str(status): Response(self._body(self._resolve(response)))
                for status, response in operation.get("responses", {}).items()
            },
            auth_scheme=self._auth_scheme(operation),
        )

    def _parameter(self, parameter: dict[str, Any]) -> Parameter:
        schema = parameter.get("schema", {})
        shape = self._resolve(schema)
        return Parameter(
            parameter["name"],
            parameter["in"],
            bool(parameter.get("required")),
            shape,
            _validator(schema, self._components),
        )

    def _body(self, holder: dict[str, Any]) -> BodyReader | None:
        content = holder.get("content")
        if not content:
            return None
        return BodyReader({name: media.get("schema", {}) for name, media in content.items()}, self._components)

    def _auth_scheme(self, operation: dict[str, Any]) -> str | None:
        requirements = operation.get("security", self._document.get("security", []))
        for requirement in requirements:
            for name in requirement:
                scheme = self._components.get("securitySchemes", {}).get(name, {}).get("scheme")
                return str(scheme) if scheme else None
        return None

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        reference = node.get("$ref")
        if reference is None:
            return node
        target: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return self._resolve(target)


@cache
def _loaded(path: Path) -> Contract:
    return Contract.read(path)


class _JsonLikeLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML without turning what looks like a date into a date: JSON has none."""


_JsonLikeLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _JsonLikeLoader.yaml_implicit_resolvers.items()
}


def _value_of(media_type: str, body: bytes) -> Any:
    """The value that a body of this media type carries: a form's fields, a plain text, else JSON."""
    match media_type:
        case "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
        case "text/plain":
            return body.decode("utf-8")
        case _:
            return json.loads(body)


def _validator(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    root = {"allOf": [schema], "components": components}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def _messages(validator: Any, value: Any) -> list[str]:
    if validator.is_valid(value):
        return []
    messages: list[str] = []
    for error in validator.iter_errors(value):
        if len(messages) == PROBLEMS_NAMED:
            messages.append("and more")
            break
        place = "/".join(str(step) for step in error.instance_path)
        messages.append(f"{place or '(whole)'}: {error.message[:300]}")
    return messages
