"""Countries as ISO 3166-1 alpha-2, from a name or a code (requirement A14)."""

from __future__ import annotations

from functools import lru_cache

from giftbridge.errors import Rejected

# Everyday words that ISO does not list.
_EVERYDAY = {
    "UK": "GB",
    "ENGLAND": "GB",
    "SCOTLAND": "GB",
    "WALES": "GB",
    "NORTHERN IRELAND": "GB",
    "GREAT BRITAIN": "GB",
    "UNITED STATES OF AMERICA": "US",
    "AMERICA": "US",
    "HOLLAND": "NL",
    "SOUTH KOREA": "KR",
    "NORTH KOREA": "KP",
    "RUSSIA": "RU",
    "IVORY COAST": "CI",
    "CZECH REPUBLIC": "CZ",
}


@lru_cache(maxsize=512)
def country_code(country: str) -> str | None:
    """The alpha-2 code of a country's name or code, or None when it is no country."""
    text = " ".join(country.replace(".", "").split()).upper()
    if text in _EVERYDAY:
        return _EVERYDAY[text]
    import pycountry  # noqa: PLC0415  loading its tables costs time that most invocations need only once

    try:
        return str(pycountry.countries.lookup(text).alpha_2)
    except LookupError:
        return None


def required_code(country: str | None, field: str) -> str | None:
    """The code of a country, None when the text is absent or blank. Raises Rejected when it is no country."""
    if country is None or not country.strip():
        return None
    code = country_code(country)
    if code is None:
        raise Rejected(
            "is no country that ISO 3166-1 knows",
            cause="unknown-country",
            field=field,
            remedy="correct the country on RaiseDonors, then retry",
        )
    return code
