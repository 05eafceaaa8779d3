"""What only a person decides in the console, on the demo's own stack: whose partner it is, which difference stands."""

from __future__ import annotations

import time
from datetime import timedelta

from playwright.sync_api import expect

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.reconciliation import Heal, Report
from ops.operating import reconciling, reviewing
from tests.e2e.operator_of_the_day import LONGEST, LONGEST_SECONDS, Operator

IN_FORCE_SECONDS = 60.0

# --- reconciliation -------------------------------------------------------------------------------------------------


def reconcile_yesterday_and_today(at: Operator) -> None:
    """Estimated, then run; finance gets it as CSV."""
    # The day spent what a reconciliation would leave to live work: it would wait for minutes.
    client, table = at.day.stack.client("dynamodb"), at.day.stack.outputs["StateTable"]
    client.delete_item(TableName=table, Key={"name": {"S": "budget#virtuous"}})
    today = at.stack.tools.now().date()
    at.opens("/reconciliation")
    at.follows("Run now")
    at.fills("First day", (today - timedelta(days=1)).isoformat())
    at.fills("Last day", today.isoformat())
    at.presses("Estimate")
    at.follows("See the result")
    at.sees("It changes nothing in any system")
    at.presses("Reconcile")
    at.sees("differences are open")
    at.follows("See the result")
    report = _latest(at)
    assert at.page.url.endswith(f"/reconciliation/report/{report.id}")
    assert report.open
    assert at.downloads("CSV for finance") == reconciling.csv_of(report)


def heal_a_missing_gift(at: Operator) -> None:
    """The one that was taken out of Aegis is planned, sent anew, and there once."""
    [missing] = [one for one in _latest(at).open if one.heal is Heal.SEND_ANEW and one.kind == "donation"][:1]
    assert at.transactions_of(missing.delivery_id) == []
    at.opens("/reconciliation")
    at.presses("Plan a heal of all")
    at.sees_title("Plan of a heal")
    at.follows("Back")
    at.page.get_by_label(f"Choose {missing.sort.value} of {missing.donation_id}").first.check()
    at.presses("Plan a heal of the chosen")
    at.sees("1 of 1 are healed, and nothing else")
    at.presses("Heal 1")
    at.sees(f"{missing.delivery_id}: begun")
    at.waits(lambda: len(at.transactions_of(missing.delivery_id)) == 1, "the gift to be in Aegis anew")
    at.settles(missing.delivery_id, State.DELIVERED)


def accept_a_difference(at: Operator) -> None:
    """With a reason; from then on it is no open difference."""
    adopted = next(one for one in _latest(at).open if one.heal is Heal.BY_HAND and one.crm == "aegis")
    at.opens(f"/reconciliation?sort={adopted.sort.value}")
    row = at.page.get_by_role("row").filter(has_text=adopted.words)
    row.get_by_role("link", name="Accept").click()
    at.fills("Reason", "recorded by the former integration")
    at.presses("Accept it")
    at.sees("Accepted.")
    assert next(one for one in _latest(at).differences if one.id == adopted.id).state == "accepted"


def _latest(at: Operator) -> Report:
    found = reconciling.latest(at.stack)
    assert found is not None
    return found


# --- reviews --------------------------------------------------------------------------------------------------------


def decide_three_cases_and_undo_a_match(at: Operator) -> None:
    """Donors who may each be several partners: one is picked, one made, one left; the pick turns out wrong."""
    picked, created, left = _gifts_of_donors_with_several_matches(at, 3)
    candidates = reviewing.case_of(at.stack, picked).candidates
    right, wrong = candidates[0].id, candidates[1].id
    for gift, choice in ((picked, f"It is {wrong}"), (created, "Create a new one"), (left, "Leave it")):
        at.opens("/review")
        at.page.get_by_role("row").filter(has_text=gift).get_by_role("link", name="Compare").click()
        expect(at.page.get_by_text("agrees").first).to_be_visible(timeout=LONGEST)
        at.page.get_by_label(choice).check()
        at.fills("Reason", "asked by telephone")
        at.presses("Decide")
        at.sees(f"Decided: {gift}")
    at.settles(picked, State.DELIVERED)
    assert [partner for partner, _ in at.transactions_of(picked)] == [wrong]
    at.settles(created, State.DELIVERED)
    known = {side.id for side in candidates}
    [(made, _)] = at.transactions_of(created)
    assert made not in known
    assert at.settles(left, State.IGNORED).trouble is not None
    assert at.transactions_of(left) == []
    _undo(at, picked, wrong, right)


def _gifts_of_donors_with_several_matches(at: Operator, number: int) -> list[str]:
    """Their deliveries, once so many wait for a person.

    The setting that was changed is in force within a minute, in one worker sooner than in another: until then such a
    gift goes to the oldest partner.
    """
    population, found = at.day.population, list[str]()
    deadline = time.monotonic() + IN_FORCE_SECONDS + LONGEST_SECONDS
    while len(found) < number:
        assert time.monotonic() < deadline, "the setting is not in force"
        donors = [population.make_donor("several_matches") for _ in range(number - len(found))]
        gifts = [donation_created_id(population.make_gift("one_time", donor=donor).gift_id) for donor in donors]
        states = [at.settles(gift, State.FAILED, State.DELIVERED).state for gift in gifts]
        found += [gift for gift, state in zip(gifts, states, strict=True) if state is State.FAILED]
    return found


def _undo(at: Operator, gift: str, wrong: str, right: str) -> None:
    donor = at.delivery(gift).donor_id
    at.opens(f"/donor/{donor}")
    at.follows("Undo the match")
    at.sees(f"Partner {wrong} is never again taken for donor {donor}")
    at.fills("Right partner", right)
    at.fills("Reason", "their brother")
    at.presses("Undo the match")
    at.sees(f"Undone: partner {wrong} is not this donor")
    key = at.stack.tools.keys.get(f"donor#{donor}", "aegis")
    assert key is not None
    assert key.key == right
    assert str(at.day.raisedonors.store.donors.entry(int(donor or 0)).latest.members["crmKey"]) == right
