"""Reading what callers send to Virtuous: member names without regard to case, types checked, strange members noted."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

MONEY = re.compile(r"-?\d{1,12}(\.\d{1,4})?")
LARGEST_MAGNITUDE = 12
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Reader = Callable[["Model", str], Any]
Shape = Mapping[str, Reader]


class ModelErrors:
    """What is wrong with a request, by member path, and the members that Virtuous does not know or spells otherwise."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {}
        self.dropped: list[str] = []
        self.misspelled: list[str] = []

    def add(self, path: str, message: str) -> None:
        """Note a breach."""
        self.messages.setdefault(path, []).append(message)

    def __bool__(self) -> bool:
        return bool(self.messages)


class Model:
    """One JSON object of a request. A member that is null counts as missing."""

    def __init__(self, path: str, members: Mapping[str, Any], errors: ModelErrors) -> None:
        self.path = path
        self.errors = errors
        self._members = {name.casefold(): (name, value) for name, value in members.items()}

    def refuse(self, name: str, message: str) -> None:
        """Note that a member breaks a rule."""
        self.errors.add(f"{self.path}.{name}", message)

    def read(self, shape: Shape, required: tuple[str, ...] = ()) -> dict[str, Any]:
        """The members of a shape that were sent, spelled as the contract spells them; all others fall away."""
        asked = {name.casefold(): name for name in shape}
        for small, (sent, _) in self._members.items():
            if small not in asked:
                self.errors.dropped.append(f"{self.path}.{sent}")
            elif sent != asked[small]:
                self.errors.misspelled.append(f"{self.path}.{sent}")
        values = {name: reader(self, name) for name, reader in shape.items()}
        for name in required:
            if not says_something(values[name]) and f"{self.path}.{name}" not in self.errors.messages:
                self.refuse(name, f"The {name} field is required.")
        return {name: value for name, value in values.items() if value is not None}

    def raw(self, name: str) -> Any:
        """A member as it was sent; None when missing."""
        return self._members.get(name.casefold(), (name, None))[1]

    def typed(self, name: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        """A member of some type; None when missing or refused."""
        value = self.raw(name)
        if value is None or fits(value):
            return value
        self.refuse(name, f"Could not convert to {wanted}.")
        return None


def says_something(value: Any) -> bool:
    """Whether a value is there and is no blank text."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


def text(model: Model, name: str) -> str | None:
    """A text."""
    value: str | None = model.typed(name, lambda value: isinstance(value, str), "string")
    return value


def flag(model: Model, name: str) -> bool | None:
    """A boolean."""
    value: bool | None = model.typed(name, lambda value: isinstance(value, bool), "boolean")
    return value


def integer(model: Model, name: str) -> int | None:
    """A whole number."""
    value: int | None = model.typed(name, is_whole, "integer")
    return value


def flag_or_text(model: Model, name: str) -> bool | str | None:
    """A boolean, as itself or as a text."""
    value: bool | str | None = model.typed(name, lambda value: isinstance(value, bool | str), "boolean")
    return value


def money(model: Model, name: str) -> Decimal | None:
    """An amount of money, sent as a text or as a number."""
    value = model.typed(name, is_money, "decimal")
    return None if value is None else Decimal(value)


def day(model: Model, name: str) -> str | None:
    """A day, written YYYY-MM-DD."""
    value: str | None = model.typed(name, is_day, "date")
    return value


def texts(model: Model, name: str) -> list[str] | None:
    """A list of texts."""
    value: list[str] | None = model.typed(name, _are_texts, "list of strings")
    return value


def string_map(model: Model, name: str) -> dict[str, str | None] | None:
    """A map from names to texts."""
    value: dict[str, str | None] | None = model.typed(name, _is_string_map, "map of strings")
    return value


def nested(shape: Shape) -> Reader:
    """An object of a shape."""

    def read(model: Model, name: str) -> dict[str, Any] | None:
        value = model.typed(name, lambda value: isinstance(value, Mapping), "object")
        return None if value is None else Model(f"{model.path}.{name}", value, model.errors).read(shape)

    return read


def listed(shape: Shape, required: tuple[str, ...] = ()) -> Reader:
    """A list of objects of a shape."""

    def read(model: Model, name: str) -> list[dict[str, Any]] | None:
        found = models_in(model, name)
        return None if found is None else [one.read(shape, required) for one in found]

    return read


def anything(model: Model, name: str) -> Any:
    """A member of any type."""
    return model.raw(name)


def models_in(model: Model, name: str) -> list[Model] | None:
    """The objects of a list, ready to be read."""
    value = model.typed(name, lambda value: isinstance(value, list), "array")
    if value is None:
        return None
    models = []
    for n, item in enumerate(value):
        if isinstance(item, Mapping):
            models.append(Model(f"{model.path}.{name}[{n}]", item, model.errors))
        else:
            model.errors.add(f"{model.path}.{name}[{n}]", "An object is expected.")
    return models


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_money(value: Any) -> bool:
    """Whether a value can be an amount of money."""
    if isinstance(value, str):
        return MONEY.fullmatch(value) is not None and value.isascii()
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value.adjusted()) <= LARGEST_MAGNITUDE
    return is_whole(value) and abs(value) < 10**LARGEST_MAGNITUDE


def is_day(value: Any) -> bool:
    """Whether a value is a day that exists, written YYYY-MM-DD."""
    if not isinstance(value, str) or not value.isascii() or DAY.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_string_map(value: Any) -> bool:
    return isinstance(value, Mapping) and all(item is None or isinstance(item, str) for item in value.values())
