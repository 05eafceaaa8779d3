"""The words of a DynamoDB expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.simulation.aws.errors import invalid

_LONGEST = 4096
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<alias>\#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<number>[0-9]+)|(?P<sign><>|<=|>=|[=<>(),.\[\]+-]))"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `kind` is name, alias, value, number or sign."""

    kind: str
    text: str

    def is_word(self, word: str) -> bool:
        """Whether it is that key word, in any capitals."""
        return self.kind == "name" and self.text.upper() == word


END = Token("end", "<EOF>")


class Words:
    """An expression, read word by word. `what` names it in what DynamoDB says of a mistake."""

    def __init__(self, text: str, what: str) -> None:
        if not text or not text.strip():
            raise invalid(f"Invalid {what}: The expression can not be empty;")
        if len(text.encode()) > _LONGEST:
            raise invalid(f"Invalid {what}: Expression size has exceeded the maximum allowed size;")
        self.what = what
        self._tokens = self._split(text)
        self._at = 0

    def _split(self, text: str) -> list[Token]:
        found, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                near = text[at : at + 12].strip()
                raise invalid(f'Invalid {self.what}: Syntax error; token: "{near[:1]}", near: "{near}"')
            found.append(Token(str(match.lastgroup), match.group(str(match.lastgroup))))
            at = match.end()
        return found

    def peek(self, ahead: int = 0) -> Token:
        """A word that comes, without taking it."""
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def take(self) -> Token:
        """The next word."""
        token = self.peek()
        self._at += 1
        return token

    def accept(self, sign: str) -> bool:
        """Take that sign if it comes next."""
        token = self.peek()
        if token.kind == "sign" and token.text == sign:
            self._at += 1
            return True
        return False

    def accept_word(self, word: str) -> bool:
        """Take that key word if it comes next."""
        if self.peek().is_word(word):
            self._at += 1
            return True
        return False

    def expect(self, sign: str) -> None:
        """Take that sign, or refuse."""
        if not self.accept(sign):
            raise self.wrong()

    def end(self) -> None:
        """Nothing must follow."""
        if self.peek() is not END:
            raise self.wrong()

    def wrong(self) -> Exception:
        """A syntax error at the next word."""
        token = self.peek()
        around = [self._tokens[n].text for n in range(max(0, self._at - 1), min(len(self._tokens), self._at + 2))]
        return invalid(f'Invalid {self.what}: Syntax error; token: "{token.text}", near: "{" ".join(around)}"')
