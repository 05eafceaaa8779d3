"""Codes are checked against Aegis' look-ups before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from giftbridge.domain.deliveries import State, Trouble
from giftbridge.flows.delivery_worker import DeliveryWorker
from giftbridge.flows.work import Work
from ops.simulators.aegis_store import LOOKUP_KINDS
from tests.workbench import Workbench


def _turn(bench: Workbench, worker: DeliveryWorker) -> None:
    """Pickup, sweep and work by one process that goes on living."""
    bench.pickup()
    bench.sweep()
    while bench.work(worker) is not None:
        pass


def _trouble(bench: Workbench, gift: int) -> Trouble:
    found = bench.delivery(gift)
    assert found.state is State.FAILED, found
    assert found.trouble is not None
    assert found.trouble.remedy
    assert not bench.transactions_of(gift)
    return found.trouble


def _retry(bench: Workbench, gift: int, worker: DeliveryWorker) -> State:
    Work(bench.tools, bench.delivery(gift)).reopen("retried")
    bench.clock.advance(16)
    noted = bench.tools.deliveries.note_nudges([bench.delivery(gift)], "retry", bench.clock())
    bench.tools.queue.send(noted, "retry")
    while bench.work(worker) is not None:
        pass
    return bench.delivery(gift).state


def _lookups(bench: Workbench) -> list[str]:
    own = {"searchPartners", "createPartner", "createTransaction", "createPledge", "getPledgeHistory", "getPartner"}
    return [call for call in bench.calls() if call not in own]


@pytest.mark.parametrize(
    ("kind", "changes", "settings", "code", "field"),
    [
        ("one_time", {"motivationCode": "LOST"}, {}, "LOST", "motivationCode"),
        ("one_time", {"projects": [{"projectId": 307, "amount": "20"}], "amount": 20}, {}, "NOFUND", "project.code"),
        ("premium", {"premium": {"productCode": "LOST-1"}}, {}, "LOST-1", "premium.productCode"),
        ("premium", {}, {"warehouse_id": "LOST"}, "LOST", "setting aegis.warehouse_id"),
        ("one_time", {}, {"channel": "LOST"}, "LOST", "setting aegis.channel"),
        ("one_time", {}, {"batch_category": "LOST"}, "LOST", "setting aegis.batch_category"),
        ("one_time", {}, {"origin_source": "LOST"}, "LOST", "setting aegis.origin_source"),
        ("first_of_schedule", {}, {"pledge_program_name": "LOST"}, "LOST", "setting aegis.pledge_program_name"),
        (
            "one_time",
            {"motivationCode": None},
            {"default_appeal_code": "LOST"},
            "LOST",
            "setting aegis.default_appeal_code",
        ),
    ],
)
def test_an_unknown_code_fails_with_its_name_and_a_remedy_before_anything_is_made(
    bench: Workbench, kind: str, changes: dict[str, Any], settings: dict[str, Any], code: str, field: str
) -> None:
    bench.settings(aegis=settings)
    gift = bench.give(kind, donor=bench.population.make_donor("new_person"))
    bench.raisedonors.store.edit("gift", gift, changes)
    bench.run()
    trouble = _trouble(bench, gift)
    assert (trouble.field, code in trouble.text) == (field, True), trouble
    assert not bench.aegis.store.partners


def test_a_retry_succeeds_half_a_minute_after_the_code_was_added(bench: Workbench) -> None:
    worker = bench.worker()
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "FALL26"})
    _turn(bench, worker)
    assert "FALL26" in _trouble(bench, gift).text
    bench.aegis.store.add_code("Appeal", "FALL26")
    bench.clock.advance(15)
    assert _retry(bench, gift, worker) is State.DELIVERED


def test_a_code_that_was_switched_on_again_is_taken(bench: Workbench) -> None:
    worker = bench.worker()
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "OLD19"})
    _turn(bench, worker)
    assert "inactive" in _trouble(bench, gift).text
    bench.aegis.store.set_code_active("Appeal", "OLD19", True)
    bench.clock.advance(15)
    assert _retry(bench, gift, worker) is State.DELIVERED


@pytest.mark.parametrize("code", [None, "", "NOSUCHAPPEAL", "OLD19"])
def test_a_missing_unknown_or_inactive_appeal_takes_the_default(bench: Workbench, code: str | None) -> None:
    bench.settings(aegis={"default_appeal_code": "SPRING"})
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": code})
    bench.run()
    [transaction] = bench.transactions_of(gift)
    assert transaction.model["AppealCode"] == "SPRING"


def test_a_known_appeal_is_not_replaced_by_the_default(bench: Workbench) -> None:
    bench.settings(aegis={"default_appeal_code": "SPRING"})
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "EOY24"})
    bench.run()
    [transaction] = bench.transactions_of(gift)
    assert transaction.model["AppealCode"] == "EOY24"


def test_what_was_looked_up_once_costs_the_next_gift_nothing(bench: Workbench) -> None:
    donor, worker = bench.population.make_donor("new_person"), bench.worker()
    first = bench.give("premium", donor=donor)
    _turn(bench, worker)
    assert bench.delivery(first).state is State.DELIVERED
    bench.aegis.log.clear()
    second = bench.give("premium", donor=donor)
    _turn(bench, worker)
    assert (bench.delivery(second).state, bench.calls()) == (State.DELIVERED, ["createTransaction"])
    third = bench.give("premium", donor=donor)
    bench.run()
    assert (bench.delivery(third).state, _lookups(bench)) == (State.DELIVERED, [])


def test_look_ups_that_are_not_offered_stop_no_donation(bench: Workbench) -> None:
    bench.aegis.store.settings.lookups_not_offered = set(LOOKUP_KINDS)
    donors = [bench.population.make_donor("new_person") for _ in range(2)]
    gifts = [bench.give(kind, donor=donor) for donor in donors for kind in ("one_time", "premium", "first_of_schedule")]
    bench.run(ticks=2)
    assert {bench.delivery(gift).state for gift in gifts} == {State.DELIVERED}


def test_without_a_look_up_aegis_own_refusal_is_put_into_words(bench: Workbench) -> None:
    bench.aegis.store.settings.lookups_not_offered = set(LOOKUP_KINDS)
    gift = bench.give(donor=bench.population.make_donor("known_exact"))
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "NOSUCHAPPEAL"})
    bench.run()
    trouble = _trouble(bench, gift)
    assert "AppealCode" in str(trouble.field)
    assert "NOSUCHAPPEAL" in trouble.text


def test_a_code_list_in_the_settings_stands_in_for_a_look_up(bench: Workbench) -> None:
    bench.aegis.store.settings.lookups_not_offered = {"Appeal"}
    bench.settings(aegis={"codes": {"appeal": ["WEB", "EOY24"]}})
    donor = bench.population.make_donor("known_exact")
    known, unknown = bench.give(donor=donor), bench.give(donor=donor)
    bench.raisedonors.store.edit("gift", known, {"motivationCode": "EOY24"})
    bench.raisedonors.store.edit("gift", unknown, {"motivationCode": "SPRING"})
    bench.run()
    assert bench.delivery(known).state is State.DELIVERED
    trouble = _trouble(bench, unknown)
    assert (trouble.field, "SPRING" in trouble.text) == ("motivationCode", True)


@pytest.mark.parametrize("settings", [{}, {"codes": {"appeal": ["EOY24"]}}], ids=["without a list", "with a list"])
def test_a_look_up_that_is_not_offered_is_not_asked_again_for_each_gift(
    bench: Workbench, settings: dict[str, Any]
) -> None:
    bench.aegis.store.settings.lookups_not_offered = {"Appeal"}
    bench.settings(aegis=settings)
    donor, worker = bench.population.make_donor("known_exact"), bench.worker()
    for _ in range(2):
        bench.aegis.log.clear()
        gift = bench.give(donor=donor)
        bench.raisedonors.store.edit("gift", gift, {"motivationCode": "EOY24"})
        _turn(bench, worker)
        assert bench.delivery(gift).state is State.DELIVERED
    assert not [call for call in bench.calls() if "Appeal" in call]


def test_the_fund_of_a_product_order_is_checked_like_that_of_a_gift(bench: Workbench) -> None:
    gift = bench.give("premium", donor=bench.population.make_donor("known_exact"))
    shares = [{"projectId": 307, "amount": "0"}, {"projectId": 301, "amount": "20"}]
    bench.raisedonors.store.edit("gift", gift, {"amount": 20, "projects": shares})
    bench.run()
    assert _trouble(bench, gift).field == "project.code"


@pytest.mark.parametrize("written", ["eoy24", " EOY24\t", "Eoy24", "\ufeffeoy24"])
def test_a_code_in_another_spelling_goes_in_aegis_own(bench: Workbench, written: str) -> None:
    gift = bench.give()
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": written}, modified=bench.clock())
    bench.aegis.store.add_code("Appeal", "EOY24")
    bench.run()
    assert bench.transactions_of(gift)[0].model["AppealCode"] == "EOY24"


def test_a_code_that_aegis_has_in_two_spellings_is_not_guessed(bench: Workbench) -> None:
    for code in ("Twice", "TWICE"):
        bench.aegis.store.add_code("Appeal", code)
    exact, neither = bench.give(), bench.give()
    for gift, written in ((exact, "TWICE"), (neither, "twice")):
        bench.raisedonors.store.edit("gift", gift, {"motivationCode": written}, modified=bench.clock())
    bench.run()
    assert bench.transactions_of(exact)[0].model["AppealCode"] == "TWICE"
    assert _trouble(bench, neither).cause == "unknown-appeal:twice"


def test_a_project_code_in_small_letters_reaches_its_fund_and_so_does_its_refund(bench: Workbench) -> None:
    gift = bench.give()
    members = {"projects": [{"projectId": 301, "amount": "20.00"}], "amount": 20}
    bench.raisedonors.store.edit("gift", gift, members, modified=bench.clock())
    bench.raisedonors.store.edit("project", 301, {"code": " gen "})
    bench.run()
    bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
    bench.run(2)
    assert [line.fund_id for t in bench.transactions_of(gift) for line in t.lines] == ["GEN", "GEN"]
    assert bench.net() == 0


def test_where_aegis_offers_no_list_the_settings_tell_the_spelling(bench: Workbench) -> None:
    bench.aegis.store.settings.lookups_not_offered = {"Appeal"}
    bench.settings(aegis={"codes": {"appeal": ["Spring-26"]}})
    bench.aegis.store.add_code("Appeal", "Spring-26")
    gift = bench.give()
    bench.raisedonors.store.edit("gift", gift, {"motivationCode": "SPRING-26"}, modified=bench.clock())
    bench.run()
    assert bench.transactions_of(gift)[0].model["AppealCode"] == "Spring-26"
