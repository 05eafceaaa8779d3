"""`giftbridge replay`: a correction is checked, shown as a difference, kept beside the original, and sent."""

from __future__ import annotations

import pytest

from giftbridge.domain.deliveries import State, Trouble
from giftbridge.domain.delivery_ids import donation_created_id, donation_refunded_id
from giftbridge.flows.work import Work
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_codes import UNKNOWN_FUND
from tests.command.desk import Desk


def _project_field(at: Desk, gift: int) -> str:
    [allocation] = at.bench.raisedonors.store.gifts.entry(gift).latest.members["projects"]
    return f"project/{allocation['projectId']}.code"


def test_the_fields_that_can_be_corrected_are_listed_with_what_they_say(connected: Desk) -> None:
    gift = connected.fail_gift("unknown_appeal")
    fields = connected.json("replay", str(gift))["fields"]
    members = connected.bench.raisedonors.store.gifts.entry(gift).latest.members
    assert fields["motivationCode"] == members["motivationCode"]
    assert {"billingAddress.countryString", _project_field(connected, gift)} <= fields.keys()
    assert not any("mount" in name for name in fields)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("unknown_appeal", "motivationCode", "SPRING"), ("unknown_product", "premium.productCode", "BOOK-01")],
)
def test_a_correction_that_its_destination_would_take_is_sent_and_kept(
    connected: Desk, kind: str, field: str, value: str
) -> None:
    bench = connected.bench
    value = next(iter(bench.aegis.store.codes["Appeal"])) if field == "motivationCode" else value
    gift = connected.fail_gift(kind)

    answer = connected.run("replay", str(gift), "--set", f"{field}={value}", "--yes", "--json")
    bench.run(ticks=2)

    assert answer.code == 0, answer
    [changed] = answer.data["plan"]["diff"]
    assert (changed["field"], changed["new"]) == (field, value)
    delivery = bench.delivery(gift)
    assert delivery.state is State.DELIVERED, delivery.trouble
    assert delivery.corrections == {field: value}
    [line] = [one for one in connected.json("activity", str(gift))["activity"] if one["what"] == "corrected"]
    assert line["details"]["changes"] == [changed]
    assert "user/moto" in line["why"]


def test_a_fund_is_corrected_for_this_gift_alone_and_its_refund_goes_there_too(connected: Desk) -> None:
    bench = connected.bench
    gift, other = connected.fail_gift(), connected.fail_gift()

    connected.run("replay", str(gift), "--set", f"{_project_field(connected, gift)}=GEN", "--yes")
    bench.run(ticks=2)
    bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
    bench.run(ticks=2)

    funds = [line.fund_id for t in bench.transactions_of(gift) for line in t.lines]
    assert funds == ["GEN", "GEN"]
    assert sum(t.total for t in bench.transactions_of(gift)) == 0
    refund = bench.tools.deliveries.get(donation_refunded_id(gift))
    assert refund is not None and refund.state is State.DELIVERED
    assert bench.delivery(other).state is State.FAILED


def test_a_correction_that_would_be_refused_again_is_not_sent(connected: Desk) -> None:
    gift = connected.fail_gift("unknown_appeal")
    answer = connected.run("replay", str(gift), "--set", "motivationCode=STILL-WRONG", "--yes", "--json")
    assert answer.code == 1
    assert "STILL-WRONG" in answer.data["plan"]["problems"][0]
    assert connected.bench.delivery(gift).corrections == {}
    assert connected.bench.delivery(gift).state is State.FAILED


def test_a_correction_is_not_sent_while_the_donor_would_be_refused(connected: Desk) -> None:
    gift = connected.fail_gift("unknown_appeal")
    before, calls = connected.bench.delivery(gift), len(connected.bench.calls("aegis"))
    appeal = next(iter(connected.bench.aegis.store.codes["Appeal"]))
    nowhere = {"donorAddresses": [], "donorEmailAddresses": [], "donorPhoneNumbers": []}
    connected.bench.raisedonors.store.edit("donor", before.donor_id or 0, nowhere)

    answer = connected.run("replay", str(gift), "--set", f"motivationCode={appeal}", "--yes")

    assert answer.code == 1
    assert "donor.email" in answer.out
    assert connected.bench.delivery(gift) == before
    assert not [name for name in connected.bench.calls("aegis")[calls:] if name.startswith(("create", "save"))]


def test_a_correction_back_to_what_the_source_says_is_none(connected: Desk) -> None:
    gift = connected.fail_gift("unknown_appeal")
    said = connected.bench.raisedonors.store.gifts.entry(gift).latest.members["motivationCode"]
    plan = connected.run("replay", str(gift), "--set", f"motivationCode={said}", "--plan", "--json").data["plan"]
    assert plan["diff"] == []


def test_money_other_kinds_and_what_did_not_fail_cannot_be_corrected(connected: Desk) -> None:
    gift = connected.fail_gift()
    fine = connected.bench.give()
    connected.bench.run()
    assert "cannot be corrected" in connected.run("replay", str(gift), "--set", "amount=1").err
    assert connected.run("replay", str(gift), "--set", "motivationCode").code == 2
    assert "is delivered" in connected.run("replay", str(fine), "--set", "motivationCode=X").err
    assert connected.run("replay", "donor/41").code == 2


def test_a_gift_whose_answer_was_lost_is_looked_for_before_its_correction_is_sent(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    Work(bench.tools, bench.delivery(gift)).fail(Trouble("worker-died", "died"))
    connected.run("replay", str(gift), "--set", "sourceCode=MAIL", "--yes")
    bench.clock.advance(120)
    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


def test_a_gift_on_its_way_to_virtuous_is_corrected_there_alone(trio: Desk) -> None:
    trio.both.batch()
    trio.both.settle(2)
    trio.bench.settings(virtuous={"sync_projects": False})
    projects = trio.both.virtuous.store.projects
    del projects[next(number for number, one in projects.items() if one.members["projectCode"] == UNKNOWN_FUND)]
    gift = trio.bench.give("unknown_fund")
    trio.bench.run()
    trio.both.batch()
    trio.both.settle(2)
    name = donation_created_id(gift, "virtuous")
    failed = trio.bench.tools.deliveries.get(name)
    assert failed is not None and failed.state is State.FAILED, failed
    known = next(str(one.members["projectCode"]) for one in projects.values())

    refused = trio.run("replay", name, "--set", f"{_project_field(trio, gift)}=NO-SUCH", "--yes")
    answer = trio.run("replay", name, "--set", f"{_project_field(trio, gift)}={known}", "--yes")
    trio.both.settle(2)

    assert refused.code == 1
    assert answer.code == 0, answer
    after = trio.bench.tools.deliveries.get(name)
    assert after is not None and after.state is State.SENT, after
    assert trio.bench.delivery(gift).state is State.FAILED


def _failed_again(at: Desk, gift: int, field: str, value: str) -> None:
    """A corrected gift that failed once more, for another reason."""
    assert at.run("replay", str(gift), "--set", f"{field}={value}", "--yes").code == 0
    Work(at.bench.tools, at.bench.delivery(gift)).fail(Trouble("worker-died", "died"))
    at.bench.clock.advance(60)


def test_what_is_put_right_on_raisedonors_since_counts_more_than_an_older_correction(connected: Desk) -> None:
    bench = connected.bench
    first, second = list(bench.aegis.store.codes["Appeal"])[:2]
    gift = connected.fail_gift("unknown_appeal")
    _failed_again(connected, gift, "motivationCode", first)

    bench.raisedonors.store.edit("gift", gift, {"motivationCode": second})
    bench.run(ticks=2)

    delivery = bench.delivery(gift)
    assert delivery.state is State.DELIVERED and delivery.attempt is not None
    assert delivery.attempt.values["appeal"] == second
    assert delivery.corrections == {}
    assert "correction dropped" in {one["what"] for one in connected.json("activity", str(gift))["activity"]}


def test_a_gift_whose_project_changed_since_its_correction_can_be_corrected_again(connected: Desk) -> None:
    store = connected.bench.raisedonors.store
    gift = connected.fail_gift()
    _failed_again(connected, gift, _project_field(connected, gift), "GEN")
    [allocation] = store.gifts.entry(gift).latest.members["projects"]
    store.edit("gift", gift, {"projects": [{**allocation, "projectId": allocation["projectId"] + 1}]})

    plan = connected.run("replay", str(gift), "--set", "comment=hello", "--plan", "--json").data["plan"]

    assert [one["field"] for one in plan["diff"]] == ["comment"]
