"""Each action of the console does what the command does, on what was shown, and leaves a line with the operator."""

from __future__ import annotations

import csv
import io
import json
import threading

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from ops.operating import reconciling, retry_runs, retrying
from ops.operating.run_rows import RunState, row_name
from ops.operating.run_shift import LEASE_SECONDS
from tests.command.desk import Desk
from tests.console.browsing import BASE, Browser, browser
from tests.console.filled import fill

OPERATOR = "user/moto"


def said(at: Desk, what: str) -> list[str]:
    """Who did this lately, as the activity tells it."""
    return [str(line["who"]) for line in at.json("activity", "--limit", "500")["activity"] if line["what"] == what]


def cause_of(at: Desk, gift: int) -> str:
    """What a gift failed for."""
    trouble = at.bench.delivery(gift).trouble
    assert trouble is not None
    return trouble.cause


def mend(at: Desk, gift: int) -> None:
    """Add the fund that a gift failed for."""
    at.bench.aegis.store.add_code("Fund", cause_of(at, gift).partition(":")[2])


def test_a_system_is_paused_and_resumed(page: Browser, connected: Desk) -> None:
    paused = page.press("/", "/systems/aegis/pause")

    assert "Aegis is paused" in paused.words
    assert connected.stack.tools.state.destination("aegis").paused_by == OPERATOR
    resumed = page.press(paused, "/systems/aegis/resume")
    assert connected.stack.tools.state.destination("aegis").paused_by is None
    assert "is tried again" in resumed.words
    assert (said(connected, "paused"), said(connected, "resumed")) == ([OPERATOR], [OPERATOR])


def test_a_wait_that_a_system_asked_for_is_told_and_ended(page: Browser, connected: Desk) -> None:
    bench = connected.bench
    bench.aegis.faults.status("*", 429, headers={"Retry-After": "3000"})
    gift = bench.give()
    bench.run(ticks=2)
    bench.aegis.faults.clear()

    told = page.get("/")
    resumed = page.press(told, "/systems/aegis/resume")
    bench.run(ticks=2)

    assert "Aegis asked for no calls before" in told.words and "A person is needed" in told.words
    assert "is tried again" in resumed.words
    assert bench.delivery(gift).state is State.DELIVERED


def test_all_of_a_cause_are_planned_retried_and_told_of_one_by_one(page: Browser, connected: Desk) -> None:
    gifts, other = [connected.fail_gift(), connected.fail_gift()], connected.fail_gift("allocation_mismatch")
    mend(connected, gifts[0])

    plan = page.press("/failures", "/retry/plan", which="cause", cause=cause_of(connected, gifts[0]))
    late = connected.fail_gift("negative_amount")
    assert "2 deliveries are retried" in plan.words
    assert all(connected.bench.delivery(gift).state is State.FAILED for gift in gifts)
    run = page.press(plan, "/retry/")
    _work_off(page, connected, run.path)

    seen = page.get(run.path)
    assert {donation_created_id(gift) for gift in gifts} <= set(seen.words.split())
    assert "delivered 2" in seen.words
    assert connected.bench.delivery(late).state is connected.bench.delivery(other).state is State.FAILED
    reopened = connected.json("activity", donation_created_id(gifts[0]))["activity"]
    assert any(OPERATOR in line["why"] for line in reopened if line["what"] == "reopened")


def _work_off(page: Browser, at: Desk, path: str) -> None:
    """Let the workers work while the console's thread follows its run."""
    for _ in range(60):
        at.bench.drain()
        at.bench.clock.advance(1)
        if "hx-get" not in page.get(path).text:
            return
    raise AssertionError(page.get(path).words)


def test_the_ticked_ones_are_retried_and_a_plan_is_carried_out_once(page: Browser, connected: Desk) -> None:
    first, second = connected.fail_gift(), connected.fail_gift("allocation_mismatch")
    listed = page.get("/deliveries?state=failed")
    plan = page.press(listed, "/retry/plan", "selected", id=[donation_created_id(first)])
    assert "1 delivery is retried" in plan.words
    key = plan.form("/retry/").action

    run = page.press(plan, "/retry/")
    again = page.post(key, {"csrf": plan.form("/retry/").fields[0][1]})
    _work_off(page, connected, run.path)

    assert again.status == 400
    assert "failed again 1" in page.get(run.path).words
    assert connected.bench.delivery(second).state is State.FAILED
    assert page.press(listed, "/retry/plan", "selected").status == 400


def test_a_run_is_cancelled_and_what_was_not_tried_is_as_before(page: Browser, connected: Desk) -> None:
    gifts = [connected.fail_gift() for _ in range(3)]
    connected.run("pause", "aegis")
    plan = page.press("/failures", "/retry/plan", "all")
    run = page.press(plan, "/retry/")
    cancelled = page.press(page.get(run.path), "/cancel")
    for _ in range(100):
        connected.bench.clock.advance(1)
        if "hx-get" not in cancelled.text:
            break
        cancelled = page.get(run.path)

    assert "cancelled 3" in cancelled.words
    assert all(connected.bench.delivery(gift).state is State.FAILED for gift in gifts)


def test_a_run_that_another_process_works_on_is_cancelled_there(page: Browser, connected: Desk) -> None:
    connected.fail_gift()
    stack = connected.stack
    run_id = retry_runs.start(stack, retrying.plan_failed(stack), "somebody")
    assert stack.tools.state.take_lease(row_name(run_id), "another process", stack.tools.now(), LEASE_SECONDS)

    page.press(f"{BASE}/run/{run_id}", "/cancel")

    for thread in threading.enumerate():
        if thread.name == "job-Retrying":
            thread.join()
    assert retry_runs.read(stack, run_id).state is RunState.CANCELLED
    assert "Another process" not in page.get(f"{BASE}/run/{run_id}").words


def test_a_gift_is_corrected_checked_and_sent_with_the_difference_shown(page: Browser, connected: Desk) -> None:
    gift = connected.fail_gift("unknown_appeal")
    name = donation_created_id(gift)
    appeal = next(iter(connected.bench.aegis.store.codes["Appeal"]))
    assert page.get(f"/edit/{name}").forms[-1].action.endswith("/reveal")
    form = page.press(f"/edit/{name}", "/reveal")

    wrong = page.press(form, "/edit/", **{"f:motivationCode": "NOPE"})
    right = page.press(form, "/edit/", **{"f:motivationCode": appeal})
    assert "would still be refused" in wrong.words
    assert "NOPE" in wrong.words
    assert appeal in right.words
    page.press(right, "/replay")
    connected.bench.run()

    assert connected.bench.delivery(gift).state is State.DELIVERED
    assert dict(connected.bench.delivery(gift).corrections) == {"motivationCode": appeal}
    [line] = [line for line in connected.json("activity", name)["activity"] if line["what"] == "corrected"]
    assert OPERATOR in line["why"]


def test_a_dead_letter_is_deleted_with_a_reason_and_all_are_redriven(page: Browser, connected: Desk) -> None:
    gifts = [connected.fail_gift(), connected.fail_gift()]
    connected.bench.clock.advance(31)
    listed = page.get("/dead-letters")
    assert all(donation_created_id(gift) in listed.text for gift in gifts)
    form = page.get(next(link for link in listed.links if "delete" in link))

    assert page.press(form, "/delete").status == 400
    page.press(form, "/delete", why="a test gift")
    assert connected.bench.dead_letters() == 1
    assert said(connected, "dead letter deleted") == [OPERATOR]
    done = page.finished(page.press("/dead-letters", "/redrive"))

    assert "back in their queue" in done.words
    assert said(connected, "redrive") == [OPERATOR]


def test_a_case_is_decided_on_what_was_shown(page: Browser, connected: Desk) -> None:
    connected.bench.settings(aegis={"on_several_matches": "review"})
    gift = connected.bench.give(donor=connected.bench.population.make_donor("several_matches"))
    connected.bench.run()
    trouble = connected.bench.delivery(gift).trouble
    assert trouble is not None
    assert donation_created_id(gift) in page.get("/review").text
    case = page.get(f"/case/{donation_created_id(gift)}")
    picked = trouble.candidates[1]

    after = page.press(case, "/review", choice=f"pick {picked}", why="their letter says so")
    connected.bench.run()

    assert "Decided" in after.words
    assert [t.partner_id for t in connected.bench.transactions_of(gift)] == [picked]
    assert any(OPERATOR in line["why"] for line in connected.json("activity", str(gift))["activity"])
    assert page.press(case, "/review", choice=f"pick {picked}").status == 400


def test_a_match_is_undone_after_its_consequences_were_listed(page: Browser, connected: Desk) -> None:
    donor = connected.bench.population.make_donor("several_matches")
    connected.bench.give(donor=donor)
    connected.bench.run()
    plan = page.get(f"/donor/{donor.donor_id}/undo")
    assert "is never again taken" in plan.words

    after = page.press(plan, "/undo", why="a namesake")

    assert "Undone" in after.words
    assert said(connected, "match undone") == [OPERATOR]


def test_raisedonors_is_read_and_the_batch_run(trio: Desk) -> None:
    gift = trio.bench.give()
    trio.lambda_of_aws.batch_answers = [{"batch": "20260302T220000-1a2b", "gifts": 120, "contacts": 3, "chunks": 3}]
    with browser(trio) as page:
        read = page.finished(page.press("/", "/pickup"))
        assert "records seen" in read.words
        assert donation_created_id(gift) in page.get("/deliveries").text
        ran = page.finished(page.press("/batches/run", "/batches/run"))

    assert "120 gifts, 3 contacts" in ran.words
    assert (said(trio, "pickup run"), said(trio, "batch run")) == ([OPERATOR], [OPERATOR])


def test_a_setting_that_may_be_null_is_emptied_and_one_of_a_few_is_chosen(page: Browser, connected: Desk) -> None:
    connected.bench.settings(limits={"aegis_per_hour": 900}, aegis={"origin_source": "WEB"})
    emptied = {"s:limits.aegis_per_hour": "", "s:aegis.origin_source": "", "s:aegis.on_several_matches": "review"}

    page.press(page.press("/settings/edit", "/settings/edit", **emptied), "/settings")

    after = connected.stack.versions.current().settings
    assert (after.limits.aegis_per_hour, after.aegis.origin_source) == (None, None)
    assert after.aegis.on_several_matches == "review"


def test_settings_are_checked_shown_as_a_difference_saved_and_rolled_back(page: Browser, connected: Desk) -> None:
    before = connected.stack.versions.current()
    wrong = page.press("/settings/edit", "/settings/edit", **{"s:retries.breaker_failures": "many"})
    assert wrong.status == 422
    assert "mistake" in wrong.text
    assert 'value="many"' in wrong.text

    shown = page.press(
        "/settings/edit",
        "/settings/edit",
        note="as agreed",
        **{"s:aegis.channel": "Online", "s:limits.aegis_per_hour": "900"},
    )
    assert connected.stack.versions.current().number == before.number
    assert "aegis.channel" in shown.words and "limits.aegis_per_hour" in shown.words
    page.press(shown, "/settings")
    after = connected.stack.versions.current()
    assert (after.settings.aegis.channel, after.settings.limits.aegis_per_hour) == ("Online", 900)
    assert (after.saved_by, after.note) == (OPERATOR, "as agreed")

    back = page.get(f"/settings/rollback?to={before.number}")
    page.press(back, "/settings")
    assert connected.stack.versions.current().settings == before.settings
    assert said(connected, "settings saved") == [OPERATOR, OPERATOR]
    assert page.press(shown, "/settings").status == 400


def test_a_settings_document_is_taken_whole_or_in_part_and_what_others_saved_is_not_lost(
    page: Browser, connected: Desk
) -> None:
    broken = page.press("/settings/json", "/settings/json", document='{"aegis": {"channel": 5}}')
    assert broken.status == 422
    assert "aegis.channel" in broken.words
    part = page.press("/settings/json", "/settings/json", document='{"aegis": {"channel": "Post"}}')
    connected.run("settings", "set", "batch_at=03:00")

    late = page.press(part, "/settings")

    assert late.status == 409
    assert connected.stack.versions.current().settings.aegis.channel == "Web"
    assert json.loads(page.get("/settings/export").text)["batch_at"] == "03:00"


def test_a_reconciliation_is_estimated_run_shown_healed_and_accepted(trio: Desk) -> None:
    filled = fill(trio)
    with browser(trio) as page:
        estimated = page.finished(page.press("/reconciliation/run", "/estimate", first="2026-03-02", last="2026-03-02"))
        plan = page.get(next(link for link in estimated.links if "/reconciliation/plan/" in link))
        assert "calls" in plan.words
        page.finished(page.press(plan, "/reconciliation/run"))
        report = reconciling.latest(trio.stack)
        assert report is not None
        shown = page.get("/reconciliation")
        assert "missing" in shown.words
        open_ones = [one for one in report.open if one.donation_id == str(filled.failed)]
        assert open_ones
        table = list(csv.DictReader(io.StringIO(page.get(f"/reconciliation/csv/{report.id}").text)))
        assert {row["donation"] for row in table} >= {str(filled.failed)}

        mend(trio, filled.failed)
        heal = page.press(shown, "/reconciliation/heal", id=[open_ones[0].id])
        done = page.finished(page.press(heal, "/reconciliation/heal/"))
        assert "begun" in done.words
        other = next(one for one in report.open if one.donation_id == str(filled.other_failed) and one.crm == "aegis")
        form = page.get(f"/reconciliation/accept?report={report.id}&difference={other.id.replace('#', '%23')}")
        accepted = page.press(form, "/accept", why="written off")

    assert "Accepted" in accepted.words
    after = {one.id: one.state for one in reconciling.read(trio.stack, report.id).differences}
    assert (after[open_ones[0].id], after[other.id]) == ("healing", "accepted")
    assert said(trio, "reconciliation run") == [OPERATOR]


@pytest.mark.parametrize("which", ["nonsense", "matching"])
def test_nothing_is_retried_that_was_not_chosen(page: Browser, connected: Desk, which: str) -> None:
    gift = connected.fail_gift()
    token = page.get("/").form("/pickup").fields[0][1]

    assert page.post("/retry/plan", {"csrf": token, "which": which}).status == 400
    assert connected.bench.delivery(gift).state is State.FAILED
