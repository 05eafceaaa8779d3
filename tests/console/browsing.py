"""A browser without a screen: it follows the console's pages, and submits the forms that they hold."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from starlette.testclient import TestClient

from ops.console.app import console_app
from tests.command.desk import Desk
from tests.one_call_at_a_time import one_call_at_a_time

HOME = "http://127.0.0.1:8765"
BASE = "/console"


@dataclass
class Form:
    """A form of a page: where it goes and what it holds; `buttons` are its named buttons' values."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: str | None = None
        self._chosen: tuple[str, str] | None = None
        self._option = False
        self._area: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(has.get("action", ""), has.get("method", "get").lower())
            self.forms.append(self._open)
        if self._open is None:
            return
        if tag == "input" and "name" in has:
            kind = has.get("type", "text")
            if kind in {"checkbox", "radio"}:
                self._open.choices.append((has["name"], has.get("value", "on")))
            else:
                self._open.fields.append((has["name"], has.get("value", "")))
        if tag == "button" and has.get("name"):
            self._open.buttons.append((has["name"], has.get("value", "")))
        if tag == "select":
            self._select, self._chosen = has["name"], None
        if tag == "option":
            self._option, self._text = "selected" in has or self._chosen is None, ""
            self._value = has.get("value")
        if tag == "textarea":
            self._area, self._text = has["name"], ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "option" and self._select and self._option:
            value = self._value if self._value is not None else self._text.strip()
            self._chosen = (self._select, value)
        if self._open is None:
            return
        if tag == "select" and self._chosen is not None:
            self._open.fields.append(self._chosen)
            self._select = None
        if tag == "textarea" and self._area is not None:
            self._open.fields.append((self._area, self._text))
            self._area = None
        if tag == "form":
            self._open = None


@dataclass
class Seen:
    """A page as it was answered."""

    status: int
    text: str
    path: str
    headers: dict[str, str]

    @property
    def words(self) -> str:
        """What a person reads, without tags."""
        body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", self.text, flags=re.S)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body.replace("<wbr>", "")).replace("&#39;", "'"))

    @property
    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.text)
        return parser.forms

    @property
    def links(self) -> set[str]:
        """The console's own addresses that it links to."""
        found = re.findall(r'href="(/console[^"#]*)', self.text)
        return {link.replace("&amp;", "&") for link in found if "/static/" not in link and "/theme/" not in link}

    def form(self, action: str) -> Form:
        """The first form that posts to an address with this in it."""
        found = [form for form in self.forms if action in form.action and form.method == "post"]
        assert found, f"no form to {action} on {self.path}: {[form.action for form in self.forms]}"
        return found[0]


class Browser:
    """One browser at one console."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> Seen:
        """Look at a page; it goes where it is led."""
        return self._followed(self.client.get(_whole(path), headers=headers))

    def post(self, path: str, values: Any, **headers: str) -> Seen:
        """Send a form; it goes where it is led."""
        return self._followed(self.client.post(_whole(path), data=_grouped(values), headers=headers))

    def press(self, page: Seen | str, action: str, button: str | None = None, **given: str | list[str]) -> Seen:
        """Fill a form of a page in and send it, as a person would."""
        seen = self.get(page) if isinstance(page, str) else page
        form = seen.form(action)
        values = [pair for pair in form.fields if pair[0] not in given]
        for name, value in given.items():
            values += [(name, one) for one in (value if isinstance(value, list) else [value])]
        if button is not None:
            assert ("which", button) in form.buttons
            values.append(("which", button))
        return self.post(form.action, values)

    def finished(self, page: Seen) -> Seen:
        """The page of a longer piece of work, once it is done."""
        for _ in range(400):
            if "spinner" not in page.text:
                return page
            time.sleep(0.02)
            page = self.get(page.path)
        raise AssertionError(f"still under way: {page.words}")

    def _followed(self, response: Any) -> Seen:
        for _ in range(5):
            if response.status_code not in {303, 307}:
                break
            target = urlsplit(response.headers["location"])
            response = self.client.get(target.path + (f"?{target.query}" if target.query else ""))
        url = urlsplit(str(response.url))
        path = url.path + (f"?{url.query}" if url.query else "")
        return Seen(response.status_code, response.text, path, dict(response.headers))


def _whole(path: str) -> str:
    return path if path.startswith(BASE) else BASE + path


def _grouped(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    grouped: dict[str, list[str]] = {}
    for name, value in values:
        grouped.setdefault(name, []).append(value)
    return grouped


@contextmanager
def browser(at: Desk, *, read_only: bool = False, token: str | None = None) -> Iterator[Browser]:
    """A fresh console over a desk's stack, and a browser at it."""
    app = console_app(lambda: at.stack, read_only=read_only, token=token, base_path=BASE)
    with (
        one_call_at_a_time(),
        TestClient(app, base_url=HOME, follow_redirects=False, raise_server_exceptions=False) as client,
    ):
        yield Browser(client)


def csrf_of(seen: Seen) -> str:
    """The token that a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', seen.text)
    assert found is not None
    return found[1]
