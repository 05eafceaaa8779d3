"""In whose honour or memory a gift is, in the words that pages and staff use."""

from __future__ import annotations

from collections.abc import Mapping

from giftbridge.domain.normalising import plain

IN_HONOR, IN_MEMORY = "InHonorOf", "InMemoryOf"
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("honor", "honour", "honoring", "honouring", "honoree", "honouree"), IN_HONOR),
    **dict.fromkeys(("memory", "memorial", "memoriam", "memorium", "remembrance"), IN_MEMORY),
}


def tribute_kind(written: str | None) -> str | None:
    """InHonorOf or InMemoryOf, in whatever capitals and spelling; None for any other type of tribute."""
    letters = plain(written).replace(" ", "")
    return _BY_LETTERS.get(letters)


def _spellings(word: str) -> set[str]:
    lead = ("", "in", "inloving", "inthe", "to", "tothe", "for")
    return {f"{before}{word}{after}" for before in lead for after in ("", "of", "gift", "tribute", "donation", "for")}


_BY_LETTERS: Mapping[str, str] = {
    letters: kind for word, kind in _WORDS.items() for letters in _spellings(word)
}  # fmt: skip
