"""What no gift depends on, read as far as it can be: what cannot be read is left out, and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ValidationError
from pydantic.fields import FieldInfo

from giftbridge.clients.whole_answers import positive_number
from giftbridge.clients.wire_models import WireModel, text_reader
from giftbridge.domain.donations import LeftOut
from giftbridge.domain.texts import as_one_line, without_controls
from giftbridge.domain.times import readable_moment

LONGEST_LINE, LONGEST_TEXT = 500, 32_000
CUT = "..."
_LONGEST_SHOWN = 100
_MOST_SHOWN = 20
_YES, _NO = frozenset({"true", "yes", "y", "on", "1"}), frozenset({"false", "no", "n", "off", "0"})
W = TypeVar("W", bound=WireModel)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT


def _text_or_none(clean: Callable[[str], str]) -> Callable[[object], object]:
    read = text_reader(clean)

    def text(value: object) -> object:
        found = read(value)
        return found if isinstance(found, str) else None

    return text


def code_in(value: object) -> str | None:
    """A code or a key as one line, no longer than a table's key may be; None for what is no text and no number."""
    text = text_reader(as_one_line)(value)
    return _cut(text.strip(), LONGEST_LINE) if isinstance(text, str) else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, str | int | Decimal) else ""
    return True if word in _YES else False if word in _NO else None


def _custom_value(value: object) -> object:
    """A tick is a word, and several choices are one text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        words = [_custom_value(one) for one in value]
        return ", ".join(map(str, words)) if all(isinstance(word, str) for word in words) else None
    return _long_text(value)


_long_text = _text_or_none(lambda text: _cut(without_controls(text), LONGEST_TEXT))

Line = Annotated[str | None, BeforeValidator(_text_or_none(lambda text: _cut(as_one_line(text), LONGEST_LINE)))]
WholeText = Annotated[str | None, BeforeValidator(_text_or_none(without_controls))]
LongText = Annotated[str | None, BeforeValidator(_long_text)]
Code = Annotated[str | None, BeforeValidator(code_in)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Count = Annotated[int | None, BeforeValidator(positive_number)]
CustomValue = Annotated[str | None, BeforeValidator(_custom_value)]
SomeMoment = Annotated[datetime | None, BeforeValidator(readable_moment)]


def part(model: type[W], word: str | None = None) -> BeforeValidator:
    """A part of a record: none where it is no such object. A lone text counts as the member `word`."""

    def read(value: object) -> W | None:
        raw = {word: value} if word is not None and isinstance(value, str) and value.strip() else value
        try:
            return model.model_validate(raw) if isinstance(raw, dict) else None
        except ValidationError:
            return None

    return BeforeValidator(read)


def parts(model: type[W], word: str | None = None) -> BeforeValidator:
    """The parts of a record that are such objects, in their places; none where it is no list."""
    read = part(model, word).func

    def read_all(value: object) -> list[Any]:
        return [read(one) for one in value] if isinstance(value, list) else []  # type: ignore[call-arg]

    return BeforeValidator(read_all)


def left_out(model: WireModel, raw: object, where: str = "") -> tuple[LeftOut, ...]:
    """What a raw record says and its model does not: members that could not be read, and texts that were cut."""
    return tuple(_left_out(model, raw, where))[:_MOST_SHOWN]


def _left_out(model: WireModel, raw: object, where: str) -> Iterator[LeftOut]:
    if not isinstance(raw, Mapping):
        return
    fields: Mapping[str, FieldInfo] = type(model).model_fields
    for name, field in fields.items():
        member = field.alias or name
        yield from _of_member(getattr(model, name), raw.get(member), f"{where}{member}")


def _of_member(value: object, raw: object, where: str) -> Iterator[LeftOut]:
    if isinstance(value, WireModel):
        yield from _left_out(value, raw, f"{where}.")
    elif isinstance(value, list) and isinstance(raw, list) and len(value) == len(raw):
        for position, (one, told) in enumerate(zip(value, raw, strict=True)):
            yield from _of_member(one, told, f"{where}[{position}]")
    elif value in (None, "", []) and (words := " ".join(_words_of(raw))):
        yield LeftOut(where, _cut(words, _LONGEST_SHOWN))
    elif isinstance(value, str) and isinstance(raw, str) and value.endswith(CUT) and not raw.endswith(CUT):
        yield LeftOut(where, f"all but its first {len(value):,} characters")


def _words_of(raw: object) -> Iterator[str]:
    """What a person reads of a value; nothing of what is empty, false or zero."""
    if isinstance(raw, Mapping):
        for value in raw.values():
            yield from _words_of(value)
    elif isinstance(raw, list):
        for value in raw[:_MOST_SHOWN]:
            yield from _words_of(value)
    elif raw:
        text = as_one_line(str(raw)[:LONGEST_LINE]).strip()
        yield from [text] if text not in ("", "0") else []
