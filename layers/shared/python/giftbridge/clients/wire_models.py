"""Records of anybody's JSON as models: members we do not know are ignored, one that cannot be read is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from giftbridge.domain.texts import without_controls
from giftbridge.domain.times import believable_moment
from giftbridge.errors import Rejected


def _timestamp(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a timestamp is expected")
    return believable_moment(value)


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def text_reader(clean: Callable[[str], str]) -> Callable[[object], object]:
    """Reads a number as text, and cleans what is text."""

    def read(value: object) -> object:
        text = _number_as_text(value)
        return clean(text) if isinstance(text, str) else text

    return read


Moment = Annotated[datetime, BeforeValidator(_timestamp)]
Text = Annotated[str | None, BeforeValidator(text_reader(without_controls))]


class WireModel(BaseModel):
    """A record as the other system writes it, its members in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


W = TypeVar("W", bound=WireModel)


def read_record(model: type[W], raw: object, what: str, title: str) -> W:
    """A raw record as its model; `title` is the system a person corrects it on.

    Raises Rejected naming the first field that cannot be read.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as refused:
        error = refused.errors(include_input=False, include_url=False)[0]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
        raise Rejected(
            f"cannot be read: {error['msg']}",
            cause="unreadable-record",
            field=f"{what}.{field}" if field else what,
            remedy=f"correct the record on {title}, then retry",
        ) from None
