"""A person at the demo's console in a real browser: what they do there, and what came of it in stack and simulators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect
from starlette.routing import compile_path

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import donation_created_id
from ops.console.app import page_routes
from ops.demo.day import Day
from ops.local_stack.front import CONSOLE_PATH
from ops.operating import story
from ops.operating.stack import Stack
from tests.e2e.rig import wait_until

LONGEST_SECONDS = 60.0
LONGEST = LONGEST_SECONDS * 1000
MISSING_APPEALS = ("MAY26", "JUNE26")
"""Appeals that Aegis comes to know late: the first of two gifts, the second of one."""
UNKNOWN_FOR = timedelta(seconds=10)
"""So long a worker takes Aegis' word for it that a code is unknown."""


@dataclass
class Operator:
    """At work in one browser window. `late` are gifts of the missing appeals, in their order."""

    day: Day
    stack: Stack
    page: Page
    late: tuple[str, ...] = ()

    def opens(self, path: str) -> None:
        """A page by its address."""
        self.page.goto(f"{CONSOLE_PATH}{path}")

    def comes_upon(self, path: str, part: Locator) -> None:
        """A page, loaded anew until it has this part."""

        def has_it() -> bool:
            self.opens(path)
            return part.count() > 0

        self.waits(has_it, f"{path} to show it")

    def follows(self, link: str) -> None:
        """The first link of that name."""
        self.page.get_by_role("link", name=link).first.click()

    def presses(self, button: str) -> None:
        """The first button of that name."""
        self.page.get_by_role("button", name=button).first.click()

    def fills(self, label: str, text: str) -> None:
        """A field of the page."""
        self.page.get_by_label(label).first.fill(text)

    def sees(self, words: str) -> None:
        """The words come in sight, be it after real work."""
        expect(self.page.get_by_text(words).first).to_be_visible(timeout=LONGEST)

    def sees_title(self, words: str) -> None:
        """The page is that of this heading."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(words, timeout=LONGEST)

    def downloads(self, link: str) -> str:
        """What the file behind a link says."""
        with self.page.expect_download() as download:
            self.follows(link)
        return download.value.path().read_text(encoding="utf-8")

    def delivery(self, delivery_id: str) -> Delivery:
        """The row as it is now."""
        found = self.stack.tools.deliveries.get(delivery_id)
        assert found is not None, delivery_id
        return found

    def settles(self, delivery_id: str, *states: State) -> Delivery:
        """The delivery once a worker has brought it to one of these states."""
        deliveries = self.stack.tools.deliveries
        self.waits(lambda: (found := deliveries.get(delivery_id)) is not None and found.state in states, delivery_id)
        return self.delivery(delivery_id)

    def waits(self, ready: Callable[[], bool], what: str) -> None:
        """For something that real processes do."""
        assert wait_until(ready, LONGEST_SECONDS), f"waited {LONGEST_SECONDS:.0f} s for {what}"

    def lines(self, delivery_id: str) -> list[dict[str, Any]]:
        """What the activity tells of a delivery."""
        return story.of_delivery(self.stack, self.delivery(delivery_id), 50)

    def transactions_of(self, delivery_id: str) -> list[tuple[str, Decimal]]:
        """Partner and amount of each transaction in Aegis that is this gift's."""
        gift_id = delivery_id.split("/")[2]
        with self.day.aegis.store.lock:
            return [
                (one.partner_id, one.total)
                for one in self.day.aegis.store.transactions.values()
                if one.attribute("RaiseDonors.Donation.Id") == gift_id
            ]


def give_for_missing_appeals(day: Day) -> tuple[str, ...]:
    """Three gifts that wait for an appeal to be added in Aegis; their deliveries."""
    first, second = MISSING_APPEALS
    store, found = day.raisedonors.store, []
    for appeal in (first, first, second):
        # The pickup sees the gift with this appeal alone.
        with store.lock:
            gift = day.population.make_gift("one_time", donor=day.population.make_donor("known_exact"))
            store.edit("gift", gift.gift_id, {"motivationCode": appeal})
        found.append(donation_created_id(gift.gift_id))
    return tuple(found)


def add_appeal(at: Operator, appeal: str, gifts: tuple[str, ...]) -> None:
    """Staff adds it in Aegis; from when on a retry of these gifts finds it."""
    at.day.aegis.store.add_code("Appeal", appeal)
    failed = max(at.settles(gift, State.FAILED).updated_at for gift in gifts)
    at.waits(lambda: at.stack.tools.now() - failed > UNKNOWN_FOR, "the code to be asked for again")


# --- what the browser visited ---------------------------------------------------------------------------------------


class Visited:
    """Each request of the browser to the console, from the moment this watches its page."""

    def __init__(self, page: Page) -> None:
        self._asked: list[tuple[str, str]] = []
        page.on("request", self._note)
        page.on("download", lambda download: self._asked.append(("GET", download.url)))

    def _note(self, request: Request) -> None:
        self._asked.append((request.method, request.url))

    def forgotten(self) -> Iterator[str]:
        """Routes of the console that were not asked for: each page and each action is to be seen here once."""
        routes = [(route.method, route.path, compile_path(route.path)[0]) for route in page_routes()]
        seen = set()
        for method, url in self._asked:
            path = url.partition("?")[0].partition(CONSOLE_PATH)[2]
            seen.add(next(((of, name) for of, name, fits in routes if of == method and fits.match(path)), None))
        return (f"no act of the browser asks for {of} {name}" for of, name, _ in routes if (of, name) not in seen)
