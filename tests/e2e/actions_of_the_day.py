"""Actions of the console in a real browser on the demo's own stack: settings, looking, retries, dead letters, batch."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from giftbridge.domain.deliveries import State
from ops.console.app import console_app
from ops.operating import listing, retry_runs, retrying
from ops.operating.settings_actions import whole
from tests.console.staging import served
from tests.e2e.operator_of_the_day import LONGEST, MISSING_APPEALS, Operator, add_appeal

UNASKED = "appeal-missing"
LEFT_FAILING = "amount-precision"
DELETED = "allocation-sum-differs"


# --- settings -------------------------------------------------------------------------------------------------------


def change_a_setting_after_a_mistake(at: Operator) -> None:
    """From the form: a value out of bounds is told at its field, what is right is shown, then saved."""
    at.opens("/settings/edit")
    at.fills("Breaker failures", "0")
    at.page.get_by_label("On several matches").select_option("review")
    at.presses("Check and show the difference")
    expect(at.page.locator(".field .mistake")).to_have_count(1, timeout=LONGEST)
    at.fills("Breaker failures", "7")
    at.fills("Note for the history", "a person is to decide")
    at.presses("Check and show the difference")
    at.sees("aegis.on_several_matches")
    at.presses("Save as a new version")
    at.sees("is saved, and in force within a minute")
    settings = at.stack.versions.current().settings
    assert (settings.aegis.on_several_matches, settings.retries.breaker_failures) == ("review", 7)


def check_settings_as_json(at: Operator) -> None:
    """A mistake is told and nothing is saved; the file of the export changes nothing."""
    number = at.stack.versions.current().number
    at.opens("/settings")
    exported = at.downloads("Export")
    assert json.loads(exported) == whole(at.stack.versions.current())
    at.opens("/settings/json")
    for document, told in (('{"aegis": {"chanel": "Web"}}', "chanel"), (exported, "Nothing differs")):
        at.fills("Document", document)
        at.presses("Check and show the difference")
        at.sees(told)
    assert at.stack.versions.current().number == number


def roll_a_setting_back(at: Operator) -> None:
    """From the history, to what was in force before."""
    before = at.stack.versions.current().number - 1
    at.opens("/settings/history")
    at.follows("What changed")
    at.sees(f"From version {before} to {before + 1}")
    row = at.page.get_by_role("row").filter(has=at.page.get_by_role("cell", name=str(before), exact=True))
    row.get_by_role("link", name="Back to it").click()
    at.sees("aegis.on_several_matches")
    at.presses("Save as a new version")
    at.sees(f"Version {before + 2} is saved")
    former = at.stack.versions.version(before)
    assert former is not None
    assert whole(at.stack.versions.current()) == whole(former)


# --- looking --------------------------------------------------------------------------------------------------------


def find_by_name_with_the_keyboard_and_reveal(at: Operator) -> None:
    """From any page to a donor without a mouse; names show once revealed, and who looked is written down."""
    donor, name = _a_person(at)
    at.opens("/runbook")
    at.page.keyboard.press("/")
    at.page.keyboard.type(name)
    at.page.keyboard.press("Enter")
    at.sees_title("Find")
    expect(at.page.get_by_role("cell").get_by_text(name)).to_have_count(0)
    at.presses("Reveal these names")
    expect(at.page.get_by_role("cell").get_by_text(name).first).to_be_visible(timeout=LONGEST)
    link = at.page.get_by_role("link", name=f"donor {donor}", exact=True).first
    for _ in range(100):
        if link.evaluate("link => link === document.activeElement"):
            break
        at.page.keyboard.press("Tab")
    at.page.keyboard.press("Enter")
    at.sees_title(f"Donor {donor}")
    at.sees("personal data shown until")
    lines = at.stack.tools.activity.of_entity(f"donor#{donor}", 50)
    assert "revealed" in [line["what"] for line in lines]


def _a_person(at: Operator) -> tuple[int, str]:
    """A donor who gave, and their last name by now."""
    donors = at.day.raisedonors.store.donors
    named = ((gift.donor_id, donors.entry(gift.donor_id).latest.members) for gift in at.day.population.gifts)
    return next((donor, str(members["lastName"])) for donor, members in named if members["lastName"])


def change_colours(at: Operator) -> None:
    """From the browser's own choice to dark, to light, and back."""
    at.opens("/activity?by=people")
    for theme in ("dark", "light", "auto"):
        at.follows("Colours")
        expect(at.page.locator("html")).to_have_attribute("data-theme", theme, timeout=LONGEST)


def be_refused_where_nothing_may_change(at: Operator) -> None:
    """The same stack with --read-only: no button, and a form that is sent all the same does nothing."""
    with served(console_app(lambda: at.stack, read_only=True)) as url:
        at.page.goto(f"{url}/console/")
        at.sees("this console shows everything and changes nothing")
        expect(at.page.get_by_role("button", name="Pause")).to_have_count(0)
        expect(at.page.get_by_role("button", name="Read RaiseDonors now")).to_have_count(0)
        refused = at.page.request.post(f"{url}/console/systems/aegis/pause", form={"csrf": "any"})
    assert refused.status == 403
    assert "nothing was changed" in refused.text()
    assert at.stack.tools.state.destination("aegis").paused_by is None


# --- deliveries -----------------------------------------------------------------------------------------------------


def read_raisedonors_now(at: Operator) -> None:
    """The pickup, beside the one that ticks."""
    at.opens("/")
    at.presses("Read RaiseDonors now")
    at.sees("records seen")


def correct_and_replay_a_gift(at: Operator) -> None:
    """One that names no appeal: a code that Aegis does not know would still be refused, the right one goes out."""
    [gift] = _group(at, UNASKED).sample
    at.opens(f"/delivery/{gift}")
    at.follows("Correct and replay")
    at.presses("Reveal personal data")
    at.fills("motivationCode", "SPRNG")
    at.presses("Check and show the difference")
    at.sees("It would still be refused")
    expect(at.page.get_by_role("button", name="Send it so")).to_have_count(0)
    at.follows("Back to the fields")
    at.fills("motivationCode", "SPRING")
    at.presses("Check and show the difference")
    at.presses("Send it so")
    at.sees("It goes out with the correction")
    assert at.settles(gift, State.DELIVERED).corrections == {"motivationCode": "SPRING"}
    assert len(at.transactions_of(gift)) == 1
    assert "corrected" in [line["what"] for line in at.lines(gift)]


def retry_all_of_a_cause(at: Operator) -> None:
    """The missing appeal is added in Aegis; the gifts that wait for it go out, and the page follows them."""
    appeal, gifts = MISSING_APPEALS[0], at.late[:2]
    add_appeal(at, appeal, gifts)
    at.opens("/failures")
    card = at.page.get_by_role("region", name=f"unknown appeal {appeal}")
    card.get_by_role("button", name="Plan a retry of all 2").click()
    at.presses("Retry 2")
    at.sees("2 of 2 settled")
    at.sees("delivered 2")
    assert [len(at.transactions_of(gift)) for gift in gifts] == [1, 1]


def replay_a_gift_as_it_is(at: Operator) -> None:
    """From its own page."""
    gift = at.late[2]
    add_appeal(at, MISSING_APPEALS[1], (gift,))
    at.opens(f"/delivery/{gift}")
    at.presses("Retry")
    at.presses("Retry 1")
    at.sees("1 of 1 settled")
    at.settles(gift, State.DELIVERED)
    assert len(at.transactions_of(gift)) == 1


def retry_chosen_ones_that_fail_again(at: Operator) -> None:
    """Ticked in the list; beside it, all that match are planned and left."""
    group = _group(at, LEFT_FAILING)
    gift = group.sample[-1]
    at.opens(f"/deliveries?state=failed&cause={LEFT_FAILING}")
    at.presses("Plan a retry of all that match")
    at.sees(f"{group.count} deliveries are retried")
    at.follows("Cancel")
    at.page.get_by_label(f"Select {gift}").check()
    at.presses("Plan a retry of the selected")
    at.presses("Retry 1")
    at.sees("failed again")
    assert at.delivery(gift).state is State.FAILED


def go_on_with_a_retry_that_nobody_works_on(at: Operator) -> None:
    """As if the console that began it had ended."""
    plan = retrying.plan_failed(at.stack, LEFT_FAILING)
    run_id = retry_runs.start(at.stack, plan, "somebody else")
    at.opens(f"/run/{run_id}")
    at.sees("No process of this console works on it at present")
    at.presses("Go on")
    at.sees(f"{len(plan.items)} of {len(plan.items)} settled")
    at.waits(lambda: retry_runs.read(at.stack, run_id).is_over, "the run to end")


def cancel_a_retry_while_aegis_is_paused(at: Operator) -> None:
    """What was not tried is put back as it was; then Aegis is resumed."""
    at.opens("/")
    at.presses("Pause Aegis")
    at.sees("Aegis is paused: deliveries wait")
    at.opens("/failures")
    at.presses("Plan a retry of all")
    at.sees("Nothing moves at present")
    at.page.get_by_role("button", name="Retry").click()
    at.sees("Nothing moves:")
    at.presses("Cancel the rest")
    at.sees("Cancelled: what was not tried yet is put back")
    run_id = at.page.url.rpartition("/")[2]
    at.waits(lambda: retry_runs.read(at.stack, run_id).is_over, "the run to end")
    items = retry_runs.items_of(at.stack, run_id)
    cancelled = [item.id for item in items if item.outcome is retry_runs.Outcome.CANCELLED]
    assert cancelled
    assert {at.delivery(one).state for one in cancelled} == {State.FAILED}
    at.opens("/")
    at.presses("Resume Aegis")
    at.sees("Aegis is tried again")
    assert at.stack.tools.state.destination("aegis").paused_by is None


# --- dead letters and the batch -------------------------------------------------------------------------------------


def delete_a_dead_letter_and_redrive_the_others(at: Operator) -> None:
    """One goes, with a reason, and its delivery stays; the others are moved back."""
    gift = next(one for one in _group(at, DELETED).sample if one.startswith("aegis/"))
    at.waits(lambda: _is_deleted(at, gift), f"the dead letter of {gift} to be deleted")
    expect(at.page.get_by_role("row").filter(has_text=gift)).to_have_count(0)
    [line] = [one for one in at.lines(gift) if one["what"] == "dead letter deleted"]
    assert line["why"] == "a known sum, to be corrected"
    assert at.delivery(gift).state is State.FAILED
    at.comes_upon("/dead-letters", at.page.get_by_role("button", name="Redrive all to Aegis"))
    at.presses("Redrive all to Aegis")
    at.sees("messages are back in their queue (completed)")


def _is_deleted(at: Operator, gift: str) -> bool:
    """Whether the console found the message: while the sweep looks at it nobody else can."""
    delete = at.page.get_by_role("row").filter(has_text=gift).get_by_role("link", name="Delete")
    at.comes_upon("/dead-letters", delete)
    delete.click()
    at.fills("Reason", "a known sum, to be corrected")
    at.presses("Delete it")
    done, out_of_sight = (
        at.page.get_by_text(words) for words in ("Its delivery stays as it was", "no such dead letter")
    )
    expect(done.or_(out_of_sight).first).to_be_visible(timeout=LONGEST)
    return done.count() > 0


def run_the_batch(at: Operator) -> None:
    """What the day's last acts left in the outbox goes to Virtuous' import tool, and is held there."""
    held = at.day.virtuous.held()
    waiting = at.stack.tools.deliveries.ids_in("outbox", "virtuous", 100)
    assert waiting
    at.opens("/batches")
    at.follows("Run the batch now")
    at.presses("Run it now")
    at.sees("are on their way")
    at.waits(lambda: at.day.virtuous.held() > held, "the import tool to hold the rows")


def _group(at: Operator, cause: str) -> listing.FailureGroup:
    return next(group for group in listing.failures(at.stack) if group.cause == cause)
