"""Common forms of names, e-mails, phones, streets and postcodes: equal things compare equal (requirement A3)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Street words as the US Postal Service abbreviates them (Publication 28), and the commonest elsewhere.
_STREET_WORDS = {
    "avenue": "ave", "av": "ave", "boulevard": "blvd", "boul": "blvd", "circle": "cir", "court": "ct",
    "crescent": "cres", "drive": "dr", "drv": "dr", "expressway": "expy", "freeway": "fwy", "gardens": "gdns",
    "grove": "grv", "heights": "hts", "highway": "hwy", "junction": "jct", "lane": "ln", "mount": "mt",
    "mountain": "mtn", "parkway": "pkwy", "pky": "pkwy", "place": "pl", "plaza": "plz", "point": "pt", "road": "rd",
    "route": "rte", "saint": "st", "square": "sq", "street": "st", "str": "st", "terrace": "ter", "terr": "ter",
    "trail": "trl", "turnpike": "tpke", "valley": "vly", "apartment": "apt", "suite": "ste", "building": "bldg",
    "floor": "fl", "room": "rm", "unit": "unit", "number": "no", "north": "n", "south": "s", "east": "e",
    "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw", "post": "p",
    "office": "o", "strasse": "str", "straße": "str",
}  # fmt: skip


def plain(text: str | None) -> str:
    """Lower case, no accents, no punctuation, single blanks; letters of every script survive."""
    if not text:
        return ""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(c for c in decomposed if not _is_accent(c) and unicodedata.category(c) != "Cf")
    # An apostrophe or a full stop joins (O'Brien, P.O.), any other punctuation separates (Smith-Jones).
    joined = re.sub(r"['\u2019\u2018`.]", "", letters)
    kept = (c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in joined)
    return " ".join("".join(kept).split())


def _is_accent(character: str) -> bool:
    """Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic; not the vowel and voicing signs of others."""
    kind = unicodedata.combining(character)
    return 10 <= kind <= 35 or kind >= 200


def email_form(email: str | None) -> str:
    """Trimmed, lower case."""
    return (email or "").strip().casefold()


@lru_cache(maxsize=4096)
def phone_form(phone: str | None, country: str = "US") -> str:
    """E.164 where the number can be read as one, else its digits."""
    if not phone or not phone.strip():
        return ""
    import phonenumbers  # noqa: PLC0415  only matching needs its tables

    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return re.sub(r"\D", "", phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def street_form(street: str | None, street2: str | None = None) -> str:
    """Both address lines as words in their short forms."""
    words = plain(f"{street or ''} {street2 or ''}").split()
    short = " ".join(_STREET_WORDS.get(word, word) for word in words)
    return re.sub(r"\bp o\b", "po", short)


def postcode_form(postal_code: str | None) -> str:
    """Capitals without blanks; a US ZIP+4 counts as its ZIP."""
    text = re.sub(r"[\s]", "", postal_code or "").upper()
    zip_plus_four = re.fullmatch(r"(\d{5})-?\d{4}", text)
    return zip_plus_four.group(1) if zip_plus_four else text.replace("-", "")
