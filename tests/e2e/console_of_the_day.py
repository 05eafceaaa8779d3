"""The console of the demo's own local stack in a real browser: every page with the day's data, every action once."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator

from playwright.sync_api import Error, Page, expect, sync_playwright

from ops.console.screenshots import pages
from ops.demo.day import Day
from ops.operating.stack import open_stack
from tests.console.staging import CHROMIUM, FLAGS, NARROW, WIDE, serious
from tests.e2e import actions_of_the_day as actions
from tests.e2e import decisions_of_the_day as decisions
from tests.e2e.operator_of_the_day import Operator, Visited, give_for_missing_appeals

MORE = ("/dead-letters", "/runbook", "/runbook/go-live", "/settings", "/settings/json", "/settings/history")
# The setting is in force within a minute: what needs it comes last.
ACTIONS: tuple[Callable[[Operator], None], ...] = (
    actions.check_settings_as_json,
    actions.find_by_name_with_the_keyboard_and_reveal,
    actions.change_colours,
    actions.be_refused_where_nothing_may_change,
    actions.read_raisedonors_now,
    actions.correct_and_replay_a_gift,
    actions.retry_all_of_a_cause,
    actions.replay_a_gift_as_it_is,
    actions.retry_chosen_ones_that_fail_again,
    actions.go_on_with_a_retry_that_nobody_works_on,
    decisions.reconcile_yesterday_and_today,
    decisions.heal_a_missing_gift,
    decisions.accept_a_difference,
    actions.delete_a_dead_letter_and_redrive_the_others,
    actions.cancel_a_retry_while_aegis_is_paused,
    actions.run_the_batch,
    decisions.decide_three_cases_and_undo_a_match,
    actions.roll_a_setting_back,
)


def looked_at(day: Day) -> list[str]:
    """What is wrong with the console over the day's stack: nothing, where there is no browser."""
    if CHROMIUM is None:
        return []
    stack = open_stack(local=day.front_url)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport=WIDE, base_url=day.front_url)
        page.set_default_timeout(30_000)
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        visited, at = Visited(page), Operator(day, stack, page)
        wrong = list(_gone_wrong(at, actions.change_a_setting_after_a_mistake))
        at.late = give_for_missing_appeals(day)
        wrong += [words for path in (*pages(stack).values(), *MORE) for words in _wrong_with(page, path)]
        wrong += [words for act in ACTIONS for words in _gone_wrong(at, act)]
        browser.close()
    # A form that is refused is answered with one.
    return [*wrong, *visited.forgotten(), *(text for text in told if "status of 4" not in text)]


def _gone_wrong(at: Operator, act: Callable[[Operator], None]) -> Iterator[str]:
    """One act; what went wrong with it leaves the others to be judged."""
    try:
        act(at)
    except (AssertionError, Error, LookupError, StopIteration, ValueError):
        seen = at.page.locator("main").inner_text()[:1_000] if at.page.locator("main").count() else ""
        yield f"{act.__name__} at {at.page.url}: {traceback.format_exc()}\n{seen}"


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
    yield from (f"{path}: {words}" for words in serious(page))
