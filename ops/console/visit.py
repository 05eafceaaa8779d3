"""One request, and what a page needs to answer it: the stack, the session, the form, a way to make a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ops.console.sessions import Session
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack

if TYPE_CHECKING:
    from ops.console.office import Office

_LONGEST_TEXT = 500


class NoSuchPageError(Exception):
    """Nothing is found at this address."""


@dataclass(frozen=True)
class Visit:
    """One request of one browser."""

    office: Office
    request: Request
    session: Session
    form: FormData = field(default_factory=FormData)

    @property
    def stack(self) -> Stack:
        """The stack. Raises what opening it raises."""
        return self.office.stack

    @property
    def now(self) -> datetime:
        return self.stack.tools.now()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the settings, in which days are counted."""
        return self.office.zone

    @property
    def read_only(self) -> bool:
        return self.office.read_only

    def who(self) -> str:
        """The operator, as records will say it."""
        return self.office.operator

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str | None:
        """A value of the address' query, without spaces around it; None when it is absent or empty."""
        return _plain(self.request.query_params.get(name))

    def given(self, name: str) -> str | None:
        """A value of the form; None when it is absent or empty. Raises WrongUsage for a file or an endless text."""
        value = self.form.get(name)
        if value is not None and not isinstance(value, str):
            raise WrongUsage(f"{name} is to be text.")
        return _plain(value)

    def needed(self, name: str, words: str) -> str:
        """A value of the form that must be there. Raises WrongUsage."""
        value = self.given(name)
        if value is None:
            raise WrongUsage(f"{words} is missing; nothing was changed.")
        return value

    def all_given(self, name: str) -> list[str]:
        """All values of the form under one name."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def url(self, path: str = "/", **query: object) -> str:
        """An address of the console; what is None is left out of the query."""
        named = {name: value for name, value in query.items() if value is not None and value != ""}
        return self.office.base_path + path + (f"?{urlencode(named, doseq=True)}" if named else "")

    def is_revealed(self, entity: str) -> bool:
        """Whether personal data of this donor, or delivery, are shown to this browser at present."""
        return self.session.revealed_until(entity, self.now) is not None

    def page(self, template: str, title: str, *, status: int = 200, **values: Any) -> Response:
        """A page, or the part of one that the browser asked for again."""
        return HTMLResponse(self.office.pages.render(template, self, title, values), status_code=status)

    def go(self, path: str, say: str | None = None, **query: object) -> Response:
        """On to another page after something was done, which says so."""
        if say is not None:
            self.session.flash.append(say)
        return RedirectResponse(self.url(path, **query), status_code=303)

    def back(self, say: str, fallback: str) -> Response:
        """To the page a form was on."""
        self.session.flash.append(say)
        return RedirectResponse(self.own_address(self.given("back")) or self.url(fallback), status_code=303)

    def own_address(self, address: str | None) -> str | None:
        """An address that was handed to us, if it is one of the console's pages; never another site's."""
        base = self.office.base_path
        is_own = address is not None and address.startswith(f"{base}/") and not address.startswith("//")
        return address if is_own and address is not None and "\\" not in address and address.isprintable() else None


def _plain(value: str | None) -> str | None:
    value = value.strip() if value is not None else None
    if value and len(value) > _LONGEST_TEXT:
        raise WrongUsage("That is too long.")
    return value or None


Page = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """Where a page answers. A POST acts; a GET only looks."""

    method: str
    path: str
    page: Page


def looks(path: str, page: Page) -> PageRoute:
    """A page that is looked at."""
    return PageRoute("GET", path, page)


def acts(path: str, page: Page) -> PageRoute:
    """A form's target: it changes something, or plans to."""
    return PageRoute("POST", path, page)


def choices(values: Mapping[str, str] | list[str]) -> list[tuple[str, str]]:
    """Choices of a form's field: the value, and the words for it."""
    return list(values.items()) if isinstance(values, Mapping) else [(value, value) for value in values]
