"""DynamoDB's attribute values as they travel: checked, copied, measured and compared."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from tests.simulation.aws.errors import invalid, not_sent

Value = dict[str, Any]
Item = dict[str, Value]
MOST_BYTES = 400 * 1024
_MOST_DIGITS = 38
EXACT = Context(prec=_MOST_DIGITS)
_LARGEST, _SMALLEST = Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")


def copied(value: Any) -> Value:
    """A value, checked as boto3 and DynamoDB do, and no part of what was given."""
    if not isinstance(value, Mapping):
        raise not_sent(f"Invalid type for an attribute value, value: {value!r}, type: {type(value)}")
    if len(value) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
            if value
            else "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    ((kind, content),) = value.items()
    if kind == "S":
        if type(content) is not str:
            raise _wrong_type(kind, content)
        _encodable(content)
        return {"S": content}
    maker = _MAKERS.get(kind)
    if maker is None:
        raise not_sent(f"Unknown parameter in an attribute value: {kind!r}")
    return {kind: maker(content)}


def copied_item(item: Any) -> Item:
    """An item, checked and copied."""
    if not isinstance(item, Mapping):
        raise not_sent(f"Invalid type for an item: {type(item)}")
    if "" in item:
        raise invalid("One or more parameter values are not valid: an attribute name must not be empty")
    own: Item = {}
    for name, value in item.items():
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        own[name] = {"S": text} if type(text) is str and text.isascii() else copied(value)
    return own


def handed_out(item: Item) -> Item:
    """An item for a caller, who may change it."""
    return {name: value if "S" in value else _again(value) for name, value in item.items()}


def _again(value: Value) -> Value:
    """A copy of a value that was checked before."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: _again(one) for name, one in content.items()}}
    if kind == "L":
        return {"L": [_again(one) for one in content]}
    return {kind: list(content) if type(content) is list else content}


def item_bytes(item: Item) -> int:
    """What an item counts against DynamoDB's limit."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: Value) -> int:
    """What a value counts."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return _number_bytes(content)
    if kind in ("B", "BOOL", "NULL"):
        return len(content) if kind == "B" else 1
    if kind == "M":
        return 3 + sum(len(name.encode()) + value_bytes(one) + 1 for name, one in content.items())
    if kind == "L":
        return 3 + sum(value_bytes(one) + 1 for one in content)
    single = {"SS": "S", "NS": "N", "BS": "B"}[kind]
    return sum(value_bytes({single: one}) for one in content)


def comparable(value: Value) -> Any:
    """A value in a form that Python compares as DynamoDB does, among values of one type."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind in ("SS", "BS"):
        return frozenset(content)
    if kind == "NS":
        return frozenset(map(Decimal, content))
    if kind == "M":
        return {name: (next(iter(one)), comparable(one)) for name, one in content.items()}
    if kind == "L":
        return [(next(iter(one)), comparable(one)) for one in content]
    return content


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same, the type included."""
    return left == right or (left.keys() == right.keys() and comparable(left) == comparable(right))


def number(text: str) -> Decimal:
    """A number as DynamoDB takes it: 38 digits, a bounded exponent."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not found.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if len("".join(map(str, found.as_tuple().digits)).strip("0")) > _MOST_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if found and abs(found) > _LARGEST:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if found and abs(found) < _SMALLEST:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    return found


def plain_number(found: Decimal) -> str:
    """A number as DynamoDB gives it back: no zeros at the end, no exponent."""
    text = format(found, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _number(content: Any) -> str:
    if type(content) is not str:
        raise _wrong_type("N", content)
    if content.isdecimal() and content.isascii() and len(content) < 19:
        return content.lstrip("0") or "0"
    return plain_number(number(content))


def _binary(content: Any) -> bytes:
    if not isinstance(content, bytes | bytearray):
        raise _wrong_type("B", content)
    return bytes(content)


def _boolean(content: Any) -> bool:
    if type(content) is not bool:
        raise _wrong_type("BOOL", content)
    return content


def _null(content: Any) -> bool:
    if content is not True:
        raise invalid(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    return True


def _map(content: Any) -> Item:
    if not isinstance(content, Mapping):
        raise _wrong_type("M", content)
    return {name: copied(value) for name, value in content.items()}


def _list(content: Any) -> list[Value]:
    if not isinstance(content, list | tuple):
        raise _wrong_type("L", content)
    return [copied(value) for value in content]


def _string(content: Any) -> str:
    if type(content) is not str:
        raise _wrong_type("S", content)
    _encodable(content)
    return content


def _set_of(kind: str) -> Any:
    single = {"SS": _string, "NS": _number, "BS": _binary}[kind]

    def make(content: Any) -> list[Any]:
        if not isinstance(content, list | tuple):
            raise _wrong_type(kind, content)
        found = [single(one) for one in content]
        if not found:
            raise invalid("One or more parameter values were invalid: An string set  may not be empty")
        if len(set(found)) < len(found):
            raise invalid("One or more parameter values were invalid: Input collection contains duplicates.")
        return found

    return make


_MAKERS: dict[str, Any] = {
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "M": _map,
    "L": _list,
    **{kind: _set_of(kind) for kind in ("SS", "NS", "BS")},
}


def _encodable(text: str) -> None:
    if not text.isascii():
        # Half a surrogate pair: boto3 cannot write it.
        text.encode()


def _wrong_type(kind: str, content: Any) -> Exception:
    return not_sent(f"Invalid type for parameter {kind}, value: {content!r}, type: {type(content)}")


def _number_bytes(text: str) -> int:
    return len(text.strip("-").replace(".", "").strip("0")) // 2 + 2
