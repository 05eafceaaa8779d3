"""What changed on RaiseDonors is noticed: soon, once, and whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.times import format_moment
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import BEGIN, Workbench


def _state(bench: Workbench, gift: int) -> State | None:
    found = bench.tools.deliveries.get(donation_created_id(gift))
    return found.state if found else None


def _known(bench: Workbench) -> set[int]:
    return {int(row["entity"]) for row in bench.rows("DeliveriesTable")}


@pytest.mark.parametrize("kind", ["pending", "declined"])
def test_a_payment_that_has_not_come_is_not_sent_and_one_that_comes_later_is(bench: Workbench, kind: str) -> None:
    gift = bench.give(kind)
    bench.run(ticks=2)
    assert _state(bench, gift) is None
    bench.raisedonors.store.set_gift_status(gift, "Approved")
    bench.run()
    assert _state(bench, gift) is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


def test_a_test_gift_is_ignored_until_the_setting_says_otherwise(bench: Workbench) -> None:
    gift = bench.give("test_mode")
    bench.run(ticks=2)
    assert _state(bench, gift) is State.IGNORED
    assert bench.aegis.store.transactions == {}
    bench.settings(raisedonors={"test_mode_gifts": "send"})
    bench.run()
    assert _state(bench, gift) is State.DELIVERED


@pytest.mark.parametrize("kind", ["refunded_before", "voided_before"])
def test_a_gift_that_was_reversed_before_it_was_seen_is_ignored(bench: Workbench, kind: str) -> None:
    gift = bench.give(kind)
    bench.run()
    assert _state(bench, gift) is State.IGNORED


def test_a_gift_that_carries_a_key_when_first_seen_is_adopted_and_never_sent(bench: Workbench) -> None:
    gift = bench.give("adopted")
    bench.run()
    bench.raisedonors.store.edit("gift", gift, {"comment": "edited"})
    bench.run()
    key = bench.raisedonors.store.gifts.entry(gift).latest.members["crmKey"]
    assert (_state(bench, gift), bench.delivery(gift).result["invoice"]) == (State.DELIVERED, key)
    assert bench.calls() == []


def test_gifts_from_before_the_destination_was_enabled_are_not_sent(bench: Workbench) -> None:
    old = bench.population.make_gift("one_time", BEGIN - timedelta(minutes=1)).gift_id
    new = bench.population.make_gift("one_time", BEGIN).gift_id
    bench.run()
    assert (_state(bench, new), bool(bench.transactions_of(old))) == (State.DELIVERED, False)


def test_a_start_in_the_past_brings_in_what_was_given_since(bench: Workbench) -> None:
    days = {days: bench.population.make_gift("one_time", BEGIN - timedelta(days=days)).gift_id for days in (1, 2, 3)}
    bench.run()
    assert not bench.aegis.store.transactions
    bench.settings(raisedonors={"start_from": (BEGIN - timedelta(days=2)).isoformat()})
    bench.run()
    assert [_state(bench, days[n]) for n in (1, 2)] == [State.DELIVERED] * 2
    assert not bench.transactions_of(days[3])


@pytest.mark.parametrize(
    "late", [timedelta(seconds=30), timedelta(minutes=20)], ids=["half a minute", "twenty minutes"]
)
def test_a_gift_that_becomes_visible_late_is_found_although_others_were_seen_since(
    bench: Workbench, late: timedelta
) -> None:
    donor = bench.population.make_donor("new_person")
    gift = bench.population.make_gift("one_time", bench.clock(), donor=donor, visible_after=late).gift_id
    for _ in range(int(late.total_seconds() // 60) + 12):
        bench.give(donor=donor)
        bench.pickup()
        bench.clock.advance(60)
        if gift in _known(bench):
            break
    assert gift in _known(bench)
    bench.drain()
    assert len(bench.transactions_of(gift)) == 1


def test_more_gifts_than_two_pages_with_one_timestamp_are_all_found(bench: Workbench) -> None:
    donor, moment = bench.population.make_donor("new_person"), bench.clock()
    gifts = {bench.population.make_gift("one_time", moment, donor=donor).gift_id for _ in range(260)}
    bench.clock.advance(1)
    gifts.add(bench.give(donor=donor))
    outcome = bench.pickup()
    assert (outcome.is_complete, _known(bench)) == (True, gifts)
    assert bench.pickup().counts == {}


def test_a_gift_that_is_edited_during_the_walk_hides_no_neighbour(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    gifts = []
    for _ in range(130):
        bench.clock.advance(0.5)
        gifts.append(bench.give(donor=donor))
    edited = iter(gifts[:3] + gifts[97:100])

    def around(_: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        answer = send()
        for gift in [next(edited, None), next(edited, None)]:
            if gift is not None:
                bench.raisedonors.store.edit("gift", gift, {"comment": "edited"})
        return answer

    bench.adapters["raisedonors"].around = around
    assert bench.pickup().is_complete
    assert _known(bench) == set(gifts)


def test_only_one_pickup_runs_at_a_time_and_a_dead_ones_lease_ends(bench: Workbench) -> None:
    gift = bench.give()
    assert bench.tools.state.take_lease("donation_pickup", "another", bench.clock(), 60)
    assert bench.pickup().why_idle == "another pickup is running"
    assert _state(bench, gift) is None
    bench.clock.advance(61)
    assert bench.pickup().why_idle is None
    assert _state(bench, gift) is State.PENDING


def test_a_tick_that_comes_twice_sends_once(bench: Workbench) -> None:
    gift = bench.give()
    bench.pickup(owner="one")
    bench.pickup(owner="two")
    bench.drain()
    bench.pickup(owner="three")
    bench.drain()
    assert len(bench.transactions_of(gift)) == 1
    assert bench.calls().count("createTransaction") == 1


@pytest.mark.parametrize("mode", ["status", "drop"])
def test_an_outage_of_raisedonors_delays_and_loses_nothing(bench: Workbench, mode: str) -> None:
    before = bench.give()
    bench.run()
    bench.raisedonors.faults.begin_outage(mode)
    during = bench.give()
    bench.run(ticks=5)
    assert _state(bench, during) is None
    bench.raisedonors.faults.end_outage()
    bench.run(ticks=2)
    assert [_state(bench, gift) for gift in (before, during)] == [State.DELIVERED] * 2


def test_a_429_is_obeyed_for_as_long_as_it_asks(bench: Workbench) -> None:
    headers = {"Retry-After": "90"}
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "queryGifts", count=1, status=429, headers=headers))
    gift = bench.give()
    bench.run()
    calls = len(bench.calls("raisedonors"))
    assert "429" in str(bench.pickup().why_idle)
    assert len(bench.calls("raisedonors")) == calls
    bench.clock.advance(31)
    bench.run()
    assert _state(bench, gift) is State.DELIVERED


def test_refused_credentials_stop_the_pickup_until_there_are_new_ones(bench: Workbench) -> None:
    bench.run()
    bench.raisedonors.token = "a-new-token"
    gift = bench.give()
    bench.run()
    calls = len(bench.calls("raisedonors"))
    bench.run(ticks=3)
    assert "credentials" in str(bench.pickup().why_idle)
    assert len(bench.calls("raisedonors")) == calls
    bench._wires.clear()
    bench.credentials["raisedonors"] = "v2"
    bench.run(ticks=2)
    assert _state(bench, gift) is State.DELIVERED


def test_refused_credentials_are_tried_once_an_hour(bench: Workbench) -> None:
    bench.pickup()
    bench.raisedonors.token = "a-new-token"
    bench.raisedonors.log.clear()
    for _ in range(125):
        bench.pickup()
        bench.clock.advance(60)
    # Each time a harmless read tells that all is refused.
    assert bench.calls("raisedonors") == ["queryGifts", "listProjects"] * 3


@pytest.mark.parametrize("status", [404, 405])
def test_an_account_that_stores_no_invoice_numbers_is_asked_once(bench: Workbench, status: int) -> None:
    bench.raisedonors.store.settings.crmkey_answers = status
    gifts = []
    for _ in range(3):
        gifts.append(bench.give())
        bench.run()
    assert {_state(bench, gift) for gift in gifts} == {State.DELIVERED}
    assert bench.calls("raisedonors").count("setGiftCrmKey") == 1
    assert bench.delivery(gifts[0]).mirrors == ()


def test_our_own_writes_come_back_and_mean_nothing(bench: Workbench) -> None:
    gift = bench.give()
    bench.run(ticks=3)
    assert bench.raisedonors.store.gifts.entry(gift).latest.members["crmKey"]
    assert len(bench.transactions_of(gift)) == 1
    assert bench.calls().count("createTransaction") == 1


def test_a_failed_gift_that_is_mended_on_raisedonors_goes_by_itself(bench: Workbench) -> None:
    gift = bench.give()
    appeal = bench.raisedonors.store.gifts.entry(gift).latest.members["motivationCode"]
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "NOSUCHAPPEAL"})
    bench.run(ticks=2)
    assert _state(bench, gift) is State.FAILED
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": appeal})
    bench.run(ticks=2)
    assert _state(bench, gift) is State.DELIVERED


def test_a_retry_is_not_undone_by_the_dead_letter_of_the_failure_before_it(bench: Workbench) -> None:
    gift = bench.give()
    appeal = bench.raisedonors.store.gifts.entry(gift).latest.members["motivationCode"]
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "NOSUCHAPPEAL"})
    bench.run()
    assert (_state(bench, gift), bench.dead_letters()) == (State.FAILED, 1)
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": appeal})
    bench.pickup()
    bench.sweep()
    assert _state(bench, gift) is State.PENDING
    bench.drain()
    assert _state(bench, gift) is State.DELIVERED


def test_a_project_that_gets_its_code_lets_a_retry_succeed_at_once(bench: Workbench) -> None:
    worker, gift = bench.worker(), bench.give()
    project = int(bench.raisedonors.store.gifts.entry(gift).latest.members["projects"][0]["projectId"])
    code = bench.raisedonors.store.projects.entry(project).latest.members["code"]
    bench.raisedonors.store.edit("project", project, {"code": None})
    bench.pickup()
    bench.work(worker)
    assert _state(bench, gift) is State.FAILED
    bench.clock.advance(31)
    bench.raisedonors.store.edit("project", project, {"code": code})
    bench.raisedonors.store.edit("gift", gift, {"comment": "once more"})
    bench.pickup()
    while bench.work(worker) is not None:
        pass
    assert _state(bench, gift) is State.DELIVERED


def test_a_gift_shown_late_while_a_walk_was_broken_off_for_more_than_half_an_hour_is_picked_up(
    bench: Workbench,
) -> None:
    bench.run(ticks=2)
    donors = [bench.population.make_donor("new_person") for _ in range(5)]
    make = bench.population.make_gift
    late = make("one_time", bench.clock(), donor=donors[0], visible_after=timedelta(minutes=6)).gift_id
    # A busy moment: more than a page.
    for i in range(130):
        make("one_time", bench.clock() + timedelta(milliseconds=100 * i), donor=donors[i % 5])
    bench.clock.advance(30)
    pages: list[str] = []

    def away_after_a_page(request: Any, send: Any) -> Any:
        if request.path_url == "/api/Gift/query":
            pages.append(request.path_url)
            if len(pages) == 2:
                bench.raisedonors.faults.begin_outage("status")
        return send()

    bench.adapters["raisedonors"].around = away_after_a_page
    bench.pickup()
    bench.adapters["raisedonors"].around = lambda _, send: send()
    assert "bound" in (bench.tools.state.get("cursor#gifts") or {})
    for _ in range(36):
        bench.clock.advance(60)
        bench.pickup()
    # Others have given meanwhile: the cursor jumps ahead.
    for _ in range(3):
        make("one_time", bench.clock(), donor=donors[1])
    bench.raisedonors.faults.end_outage()

    for _ in range(5):
        bench.pickup()
        bench.clock.advance(60)

    assert bench.tools.deliveries.get(donation_created_id(late)) is not None


def test_a_walk_of_the_version_before_goes_on_and_the_next_long_look_goes_back_far_enough(bench: Workbench) -> None:
    bench.pickup()
    row = bench.tools.state.get("cursor#gifts")
    assert row is not None
    at = format_moment(BEGIN)
    old = {"at": at, "long_look_at": at, "start": row["start"], "bound": at, "skip": 0, "is_long_look": True}
    bench.tools.state.put("cursor#gifts", old, row)
    bench.clock.advance(3600)

    bench.pickup()

    after = bench.tools.state.get("cursor#gifts")
    assert after is not None and "bound" not in after
    assert after["long_look_at"] == at
