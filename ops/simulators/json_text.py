"""JSON text with exact decimals: what was written as 75.10 is read, kept and written again as 75.10."""

from typing import Any

import simplejson


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text; fractions become Decimal. Raises ValueError on anything that is not JSON."""
    return simplejson.loads(text.decode("utf-8") if isinstance(text, bytes) else text, use_decimal=True)


def write_json(value: Any) -> bytes:
    """A JSON text in UTF-8; Decimals are written digit by digit."""
    try:
        return _dump(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8 form, but it has an escape.
        return _dump(value, ensure_ascii=True).encode("ascii")


def _dump(value: Any, *, ensure_ascii: bool) -> str:
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=ensure_ascii, separators=(",", ":"), default=str)
