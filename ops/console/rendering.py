"""Templates, and how moments, ages, money and counts look on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from giftbridge.domain.times import format_moment, readable_moment

if TYPE_CHECKING:
    from ops.console.visit import Visit

FOLDER = Path(__file__).parent
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
THEME_COOKIE = "giftbridge_theme"
THEMES = ("light", "dark", "auto")
STATE_TONES = {
    "pending": "plain",
    "sending": "info",
    "waiting": "warn",
    "unknown": "warn",
    "sent": "info",
    "delivered": "good",
    "failed": "bad",
    "ignored": "quiet",
}
NAV = (
    ("/", "Overview"),
    ("/deliveries", "Deliveries"),
    ("/failures", "Failures"),
    ("/review", "Review"),
    ("/reconciliation", "Reconciliation"),
    ("/batches", "Batches"),
    ("/activity", "Activity"),
    ("/settings", "Settings"),
)


@cache
def _environment() -> Environment:
    """The templates, each read once in a process. What comes from outside is always escaped."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        age=age,
        count=count,
        money=money,
        moment=moment,
        words=words,
        lasting=lasting,
        ticks=ticks,
        capitalize_first=capitalized,
        path=quoted,
        cause=cause_words,
        breakable=breakable,
        initials=initials,
    )
    return environment


class Pages:
    """The templates of the console."""

    def render(self, template: str, visit: Visit, title: str, values: Mapping[str, Any]) -> str:
        """A page as text."""
        theme = visit.request.cookies.get(THEME_COOKIE, "auto")
        flash, visit.session.flash = visit.session.flash, []
        path = visit.request.url.path.removeprefix(visit.office.base_path) or "/"
        shared = {
            "stack_name": visit.office.stack_name,
            "zone_name": visit.office.known_zone.key,
            "tones": STATE_TONES,
            "visit": visit,
            "base": visit.office.base_path,
            "url": visit.url,
            "csrf_token": visit.session.csrf,
            "read_only": visit.read_only,
            "title": title,
            "theme": theme if theme in THEMES else "auto",
            "flash": flash,
            "nav": NAV,
            "here": path,
            "here_whole": visit.request.url.path + (f"?{q}" if (q := visit.request.url.query) else ""),
            "sought": visit.request.query_params.get("q", "")[:200] if path == "/find" else "",
            "ago": _Ago(visit),
        }
        return _environment().get_template(template).render({**shared, **values})


class _Ago:
    """How long ago something was, with the exact moment behind it."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def __call__(self, value: datetime | str | None, never: str = "never") -> Markup:
        at = readable_moment(value) if isinstance(value, str) else value
        if at is None:
            return Markup('<span class="quiet">{}</span>').format(never)
        told = moment(at)
        zone = self._visit.office.known_zone
        if zone.key != "UTC":
            told += f" · {clock(at, zone)}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            format_moment(at), told, age(at, self._visit.now)
        )


def age(value: datetime, now: datetime) -> str:
    """How long ago, or how long until, in the largest unit that fits."""
    seconds = int((now - value).total_seconds())
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(seconds) >= size), (1, "s"))
    return f"{seconds // size} {unit} ago" if seconds >= 0 else f"in {-seconds // size} {unit}"


def lasting(seconds: float) -> str:
    """A length of time in the largest unit that fits."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{seconds / size:.0f} {unit}"


def moment(value: datetime | str | None) -> str:
    """A moment in UTC, to the second."""
    at = readable_moment(value) if isinstance(value, str) else value
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at is not None else ""


def clock(value: datetime, zone: ZoneInfo) -> str:
    """A moment in the settings' zone."""
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"


def money(value: Decimal, currency: str = "") -> str:
    """An amount with two decimals."""
    return f"{value:,.2f} {currency}".strip()


def count(value: int) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


def words(value: object) -> str:
    """A name as people write it."""
    return str(value).replace("_", " ").replace("-", " ")


def cause_words(cause: str) -> str:
    """A cause as people say it; the code or name it is about stays as it is spelt."""
    name, colon, about = cause.partition(":")
    return f"{words(name)} {about}" if colon else words(name)


def initials(name: str) -> str:
    """A name as far as it shows unrevealed."""
    return " ".join(f"{word[:1]}•••" for word in name.split())


def breakable(name: str) -> Markup:
    """An id that a line may be broken in, after its slashes."""
    return Markup("/<wbr>").join(name.split("/"))


def capitalized(text: str) -> str:
    """A sentence that begins as one; the rest stays."""
    return text[:1].upper() + text[1:]


def ticks(text: str) -> Markup:
    """Text whose `commands` look like what is typed."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def quoted(text: str) -> str:
    """A part of an address' path; its slashes stay."""
    return quote(str(text), safe="/")


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def rendered_markdown(text: str) -> Markup:
    """A document of ours as HTML; HTML in it is shown as text."""
    return Markup(_markdown().render(text))  # noqa: S704  its own HTML is switched off


def svg(parts: list[str]) -> Markup:
    """A drawing of parts that hold nothing from outside unescaped."""
    return Markup("".join(parts))  # noqa: S704
