"""The console in a real browser: each page at both widths, light and dark, by keyboard, and each action once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from tests.console.filled import NEW_NAME
from tests.console.staging import CHROMIUM, NARROW, WIDE, Stage, serious, staged

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make browser` installs Debian's"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One stage for all: a test leaves it as the next ones can use it."""
    with staged() as opened:
        yield opened


def test_no_page_scrolls_sideways_and_axe_finds_nothing_serious(stage: Stage) -> None:
    """Each page wide and narrow; each kind of page wide and light, then narrow and dark."""
    found, seen = list[str](), set[str]()
    with stage.page() as page:
        for path in _pages(stage):
            page.goto(f"/console{path}")
            kind = re.sub(r"[\d-]+.*|/aegis.*|/virtuous.*", "", path.partition("?")[0])
            for dark, size in ((False, WIDE), (True, NARROW)):
                page.set_viewport_size(size)
                if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                    found.append(f"{path} is wider than {size['width']} px")
                if kind not in seen:
                    page.emulate_media(color_scheme="dark" if dark else "light")
                    found += [f"{path}, {'dark' if dark else 'light'}: {words}" for words in serious(page)]
            seen.add(kind)
    assert len(seen) > 20
    assert not found, "\n".join(found)


def _pages(stage: Stage) -> list[str]:
    return [path for path in stage.filled.paths if not any(part in path for part in ("part=", "csv", "export"))]


def test_a_donor_and_the_cause_of_a_failure_are_three_keys_and_a_search_away(stage: Stage) -> None:
    donor = stage.filled.donor_of_failed
    with stage.page() as page:
        page.goto("/console/settings")
        page.keyboard.press("/")
        page.keyboard.type(f"donor/{donor}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/find?**")
        _tab_to(page, f"/donor/{donor}")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/donor/{donor}")
        _tab_to(page, f"/delivery/{donation_created_id(stage.filled.failed)}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/delivery/**")

        expect(page.get_by_text("add the fund in Aegis").first).to_be_visible()


def _tab_to(page: Page, address: str) -> None:
    """Move the focus on with Tab until it is on a link to this address."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if str(page.evaluate("document.activeElement.getAttribute('href')") or "").endswith(address):
            return
    raise AssertionError(f"Tab never comes to {address}")


def test_the_overview_refreshes_itself_and_keeps_the_focus(stage: Stage) -> None:
    with stage.page() as page:
        page.clock.install()
        page.goto("/console/")
        page.locator("#tile-failed").focus()
        with page.expect_response(lambda response: "part=1" in response.url):
            page.clock.run_for(5_200)
        page.wait_for_function("document.activeElement.id === 'tile-failed'")

        page.get_by_role("link", name="Colours").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_menu_unfolds_on_a_phone(stage: Stage) -> None:
    with stage.page(narrow=True) as page:
        page.goto("/console/")
        expect(page.get_by_role("link", name="Failures", exact=True)).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Failures", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Failures")


def test_without_javascript_a_retry_is_planned_all_the_same(stage: Stage) -> None:
    with stage.page(script=False) as page:
        page.goto("/console/deliveries")
        page.get_by_label("State").select_option("failed")
        page.get_by_role("button", name="Show").click()
        page.get_by_label(f"Select {donation_created_id(stage.filled.other_failed)}").check()
        page.get_by_role("button", name="Plan a retry of the selected").click()

        expect(page.get_by_text("1 delivery is retried")).to_be_visible()


def test_a_system_is_paused_and_resumed(stage: Stage) -> None:
    with stage.page() as page:
        page.goto("/console/")
        page.get_by_role("button", name="Pause Virtuous").click()
        expect(page.get_by_text("Virtuous is paused: deliveries wait")).to_be_visible()
        assert stage.at.stack.tools.state.destination("virtuous").paused_by is not None
        page.get_by_role("button", name="Resume Virtuous").click()
        expect(page.get_by_text("is tried again")).to_be_visible()


def test_personal_data_shows_once_revealed(stage: Stage) -> None:
    with stage.page() as page:
        page.goto(f"/console/donor/{stage.filled.edited}")
        expect(page.get_by_text(NEW_NAME)).to_have_count(0)
        page.get_by_role("button", name="Reveal personal data").click()
        expect(page.get_by_text(NEW_NAME).first).to_be_visible()


def test_all_of_a_cause_are_planned_retried_and_followed(stage: Stage) -> None:
    at, gift = stage.at, stage.filled.failed
    trouble = at.bench.delivery(gift).trouble
    assert trouble is not None
    at.bench.aegis.store.add_code("Fund", trouble.cause.partition(":")[2])
    with stage.page() as page:
        page.goto("/console/failures")
        card = page.get_by_role("region", name="unknown fund")
        card.get_by_role("button", name="Plan a retry of it").click()
        page.get_by_role("button", name="Retry 1").click()
        expect(page.get_by_text("0 of 1 settled")).to_be_visible()
        at.bench.drain()
        expect(page.get_by_text("1 of 1 settled")).to_be_visible()
    assert at.bench.delivery(gift).state is State.DELIVERED


def test_a_correction_is_checked_before_it_is_sent(stage: Stage) -> None:
    gift = stage.at.fail_gift("unknown_appeal")
    stage.at.bench.raisedonors.store.edit("gift", gift, {"comment": " In love\r\n\r\nand thanks\n"})
    appeal = next(iter(stage.at.bench.aegis.store.codes["Appeal"]))
    with stage.page() as page:
        page.goto(f"/console/delivery/{donation_created_id(gift)}")
        page.get_by_role("link", name="Correct and replay").click()
        page.get_by_role("button", name="Reveal personal data").click()
        page.get_by_label("motivationCode").fill(appeal)
        page.get_by_role("button", name="Check and show the difference").click()
        # What nobody touched is not corrected, be it of several lines.
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Send it so").click()
        expect(page.get_by_text("goes out with the correction")).to_be_visible()


def test_a_case_is_decided(stage: Stage) -> None:
    with stage.page() as page:
        page.goto("/console/review")
        page.get_by_role("link", name="Compare").first.click()
        page.get_by_label("Create a new one").check()
        page.get_by_label("Reason").fill("nobody we know")
        page.get_by_role("button", name="Decide").click()
        expect(page.get_by_text("Decided:")).to_be_visible()


def test_a_match_is_undone(stage: Stage) -> None:
    with stage.page() as page:
        page.goto(f"/console/donor/{stage.filled.edited}")
        page.get_by_role("link", name="Undo the match").click()
        page.get_by_role("button", name="Undo the match").click()
        expect(page.get_by_text("Undone:")).to_be_visible()


def test_a_dead_letter_is_deleted_with_a_reason(stage: Stage) -> None:
    stage.at.fail_gift("negative_amount")
    stage.at.bench.clock.advance(31)
    with stage.page() as page:
        page.goto("/console/dead-letters")
        page.get_by_role("link", name="Delete").first.click()
        page.get_by_label("Reason").fill("a test")
        page.get_by_role("button", name="Delete it").click()
        expect(page.get_by_text("Its delivery stays as it was")).to_be_visible()
        page.get_by_role("button", name="Redrive all to Aegis").click()
        expect(page.get_by_text("back in their queue")).to_be_visible()


def test_a_reconciliation_is_run_and_a_heal_planned(stage: Stage) -> None:
    with stage.page() as page:
        page.goto("/console/reconciliation")
        page.get_by_role("link", name="Run now").click()
        page.get_by_label("First day").fill("2026-03-02")
        page.get_by_label("Last day").fill("2026-03-02")
        page.get_by_role("button", name="Estimate").click()
        page.get_by_role("link", name="See the result").click()
        page.get_by_role("button", name="Reconcile").click()
        page.get_by_role("link", name="See the result").click()
        page.get_by_role("button", name="Plan a heal of all").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Plan of a heal")


def test_the_batch_is_run(stage: Stage) -> None:
    stage.at.lambda_of_aws.batch_answers = [{"batch": "20260302T220000-1a2b", "gifts": 12, "contacts": 3, "chunks": 1}]
    with stage.page() as page:
        page.goto("/console/batches")
        page.get_by_role("link", name="Run the batch now").click()
        page.get_by_role("button", name="Run it now").click()
        expect(page.get_by_text("12 gifts, 3 contacts")).to_be_visible()


def test_a_setting_is_changed(stage: Stage) -> None:
    with stage.page() as page:
        page.goto("/console/settings/edit")
        page.get_by_label("Breaker failures").fill("0")
        page.get_by_role("button", name="Check and show").click()
        expect(page.locator(".field .mistake")).to_have_count(1)
        page.get_by_label("Breaker failures").fill("7")
        page.get_by_role("button", name="Check and show").click()
        page.get_by_role("button", name="Save as a new version").click()
        expect(page.get_by_text("is saved, and in force")).to_be_visible()
    assert stage.at.stack.versions.current().settings.retries.breaker_failures == 7
