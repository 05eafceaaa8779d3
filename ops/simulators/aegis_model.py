"""Reading the models that callers send to Aegis: types are checked, unknown members fall away."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

MOUNTAIN = ZoneInfo("America/Denver")
SMALLEST_EXPONENT = -2
UNTAKEN = ("Cc", "Cs")
"""Kinds of characters that the server refuses in a text: controls and halves of surrogate pairs."""


class ModelErrors:
    """The rule breaches found in one request, by member path, and the members that were dropped."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {}
        self.dropped: list[str] = []

    def add(self, path: str, message: str) -> None:
        """Note a breach."""
        self.messages.setdefault(path, []).append(message)

    def __bool__(self) -> bool:
        return bool(self.messages)


class Model:
    """One JSON object of a request. Members are matched by their exact names."""

    def __init__(self, path: str, members: Mapping[str, Any], errors: ModelErrors) -> None:
        self.path = path
        self.errors = errors
        self._members = members
        self._asked: set[str] = set()

    def refuse(self, name: str, message: str) -> None:
        """Note that a member breaks a rule."""
        self.errors.add(f"{self.path}.{name}", message)

    def raw(self, name: str) -> Any:
        """A member as it was sent; None when missing."""
        self._asked.add(name)
        return self._members.get(name)

    def text(self, name: str) -> str:
        """A text member; blank when missing or null."""
        value = self.raw(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(name, "Could not convert to string.")
            return ""
        if any(category(character) in UNTAKEN and character not in "\t\n\r" for character in value):
            self.refuse(name, "A potentially dangerous value was detected: control characters are not allowed.")
        return value

    def required_text(self, name: str) -> str:
        """A text member that must not be blank."""
        value = self.text(name)
        if not value.strip():
            self.refuse(name, f"The {name} field is required.")
        return value

    def flag(self, name: str) -> bool:
        """A boolean member; false when missing or null."""
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(name, "Could not convert to boolean.")
        return False

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.raw(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.refuse(name, "Could not convert to integer.")
        return None

    def amount(self, name: str) -> Decimal | None:
        """An amount of money: a JSON number with at most two decimals."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.refuse(name, "Could not convert to decimal.")
            return None
        amount = Decimal(value)
        exponent = amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < SMALLEST_EXPONENT:
            self.refuse(name, f"{amount} has more than two decimals.")
        return amount

    def required_amount(self, name: str) -> Decimal:
        """An amount that must be there."""
        amount = self.amount(name)
        if amount is None and f"{self.path}.{name}" not in self.errors.messages:
            self.refuse(name, f"The {name} field is required.")
        return amount if amount is not None else Decimal(0)

    def child(self, name: str) -> "Model | None":
        """An object member."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.refuse(name, "An object is expected.")
            return None
        return Model(f"{self.path}.{name}", value, self.errors)

    def children(self, name: str) -> list["Model"]:
        """A list member that holds objects; empty when missing or null."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            self.refuse(name, "A list of objects is expected.")
            return []
        return [Model(f"{self.path}.{name}[{n}]", item, self.errors) for n, item in enumerate(value)]

    def names_and_values(self, name: str) -> list[dict[str, str]]:
        """A list of `{Name, Value}`; names must be present and unique without regard to case."""
        pairs: list[dict[str, str]] = []
        seen: set[str] = set()
        for pair in self.children(name):
            pair_name = pair.required_text("Name")
            if pair_name.casefold() in seen:
                pair.refuse("Name", f"'{pair_name}' is given more than once.")
            seen.add(pair_name.casefold())
            pairs.append({"Name": pair_name, "Value": pair.text("Value")})
            pair.drop_unknown()
        return pairs

    def drop_unknown(self) -> None:
        """Note which members were never asked for: they fall away without a word to the caller."""
        self.errors.dropped += [f"{self.path}.{name}" for name in self._members if name not in self._asked]


def read_moment(text: str) -> datetime | None:
    """An ISO 8601 date-time; without an offset it is Mountain time. None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text and " " not in text:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=MOUNTAIN)


def is_date(text: str) -> bool:
    """Whether a text is an ISO 8601 date or date-time."""
    if read_moment(text) is not None:
        return True
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
