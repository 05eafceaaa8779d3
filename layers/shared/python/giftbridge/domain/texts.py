"""Texts without the characters that no system takes: they come from copy and paste, old forms and broken gateways."""

from __future__ import annotations

import re

# Controls, halves of surrogate pairs, and two that are characters in no encoding.
_NO_CHARACTERS = "\\x7f-\\x9f\ud800-\udfff\ufffe\uffff"
_IN_TEXTS = re.compile(f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f{_NO_CHARACTERS}]+")
_IN_LINES = re.compile(f"\\s*[\\x00-\\x1f\u2028\u2029{_NO_CHARACTERS}]+\\s*")


def without_controls(text: str) -> str:
    """A text of several lines whose control characters became blanks; tabs and line breaks stay."""
    return _IN_TEXTS.sub(" ", text)


def as_one_line(text: str) -> str:
    """A text of one line whose control characters, tabs and line breaks became blanks."""
    return _IN_LINES.sub(" ", text).strip() if _IN_LINES.search(text) else text
