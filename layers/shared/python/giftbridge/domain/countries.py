"""Countries as ISO 3166-1 alpha-2, from a name or a code (requirement A14)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from giftbridge.domain.normalising import plain
from giftbridge.errors import Rejected

# Everyday and former names that ISO does not list, in their plain form.
_EVERYDAY: Mapping[str, str] = {
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB",
    "united states of america": "US", "america": "US", "virgin islands us": "VI", "holland": "NL",
    "south korea": "KR", "republic of korea": "KR", "north korea": "KP", "russia": "RU", "ivory coast": "CI",
    "czech republic": "CZ", "turkey": "TR", "bahamas": "BS", "uae": "AE", "macau": "MO", "brunei": "BN",
    "palestine": "PS", "vatican": "VA", "vatican city": "VA", "cape verde": "CV", "swaziland": "SZ",
    "macedonia": "MK", "burma": "MM", "republic of ireland": "IE", "falkland islands": "FK",
    "dr congo": "CD", "democratic republic of congo": "CD",
}  # fmt: skip
_NAMES = ("alpha_2", "alpha_3", "name", "official_name", "common_name")


@lru_cache(maxsize=512)
def country_code(country: str) -> str | None:
    """The alpha-2 code of a country's name or code, or None when it is no country."""
    return _codes_by_name().get(_key(country))


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


@lru_cache(maxsize=1)
def _codes_by_name() -> Mapping[str, str]:
    import pycountry  # noqa: PLC0415  loading its tables costs time that most invocations never need

    listed = {
        _key(str(getattr(country, kind))): str(country.alpha_2)
        for kind in _NAMES
        for country in pycountry.countries
        if getattr(country, kind, None)
    }
    return {**listed, **{_key(name): code for name, code in _EVERYDAY.items()}}


def _key(name: str) -> str:
    """A name without accents, punctuation, articles and the spelling of `saint` and `and`."""
    words = plain(name.replace("&", " and ")).split()
    short = ["saint" if word == "st" else word for word in words if word not in {"the", "of"}]
    return " ".join(short)
