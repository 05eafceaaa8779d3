"""The console of the demo's own local stack in a real browser: every page with the day's data, and acts on it."""

from __future__ import annotations

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from ops.console.screenshots import pages
from ops.demo.day import Day
from ops.operating import listing
from ops.operating.stack import open_stack
from tests.console.staging import CHROMIUM, FLAGS, NARROW, WIDE

MORE = ("/dead-letters", "/runbook", "/runbook/go-live", "/settings", "/settings/json", "/settings/history")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def looked_at(day: Day) -> list[str]:
    """What is wrong with the console over the day's stack: nothing, where there is no browser."""
    if CHROMIUM is None:
        return []
    stack = open_stack(local=day.front_url)
    paths = [*pages(stack).values(), *MORE]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport=WIDE, base_url=day.front_url)
        page.set_default_timeout(20_000)
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        wrong = [words for path in paths for words in _wrong_with(page, path)]
        _pause_and_resume(page)
        _retry_one(page, listing.failures(stack)[0].sample[-1])
        browser.close()
    return [*wrong, *told]


def _wrong_with(page: Page, path: str) -> Iterator[str]:
    answer = page.goto(f"/console{path}")
    if answer is None or answer.status != 200:
        yield f"{path} answered {answer.status if answer is not None else 'nothing'}"
        return
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            yield f"{path} is wider than {size['width']} px"
    for one in Axe().run(page, options=RULES).response["violations"]:
        if one["impact"] in {"serious", "critical"}:
            yield f"{path}: {one['id']} ({one['impact']})"


def _pause_and_resume(page: Page) -> None:
    page.goto("/console/")
    page.get_by_role("button", name="Pause Virtuous").click()
    expect(page.get_by_text("Virtuous is paused: deliveries wait")).to_be_visible()
    page.get_by_role("button", name="Resume Virtuous").click()
    expect(page.get_by_text("is tried again")).to_be_visible()


def _retry_one(page: Page, delivery_id: str) -> None:
    """A real worker takes it up, and it fails for the same reason: that is told."""
    page.goto("/console/deliveries?state=failed&size=100")
    page.get_by_label(f"Select {delivery_id}").check()
    page.get_by_role("button", name="Plan a retry of the selected").click()
    page.get_by_role("button", name="Retry 1").click()
    expect(page.get_by_text("failed again").first).to_be_visible(timeout=60_000)
