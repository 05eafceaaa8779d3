"""`giftbridge undo`: a wrong match is taken back, with what that entails listed first."""

from __future__ import annotations

import pytest

from giftbridge.domain.deliveries import State
from ops.operating import undoing
from ops.operating.problems import NeedsPerson
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from tests.command.desk import Desk
from tests.portal import asking


def _matched(at: Desk) -> tuple[MadeDonor, int, str]:
    donor = at.bench.population.make_donor("several_matches")
    gift = at.bench.give(donor=donor)
    at.bench.run()
    [transaction] = at.bench.transactions_of(gift)
    return donor, gift, str(transaction.partner_id)


def _next_partner(at: Desk, donor: MadeDonor) -> str:
    gift = at.bench.give(donor=donor)
    at.bench.run(ticks=2)
    [transaction] = at.bench.transactions_of(gift)
    return str(transaction.partner_id)


def test_what_it_entails_is_listed_and_nothing_done(connected: Desk) -> None:
    donor, gift, partner = _matched(connected)
    answer = connected.run("undo", str(donor.donor_id), "--plan", "--json")
    plan = answer.data["plan"]
    assert (plan["partner"], plan["deliveries"]) == (partner, [f"aegis/donation/{gift}/created"])
    invoice = connected.bench.delivery(gift).result["invoice"]
    assert any(invoice in line and partner in line for line in plan["consequences"])
    assert _next_partner(connected, donor) == partner


def test_the_wrong_partner_is_never_taken_again_by_rule_nor_by_imported_key(connected: Desk) -> None:
    donor, _, partner = _matched(connected)

    assert connected.run("undo", f"donor/{donor.donor_id}", "--why", "a namesake", "--yes").code == 0

    assert connected.bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == partner
    after = _next_partner(connected, donor)
    assert after != partner
    assert after in connected.bench.aegis.store.seeded_partner_ids
    assert connected.bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == after
    lines = connected.json("activity", "--donor", str(donor.donor_id))["activity"]
    [undone] = [line for line in lines if line["what"] == "match undone"]
    assert (undone["who"], undone["why"]) == ("user/moto", f"partner {partner} is not this donor: a namesake")


def test_the_right_partner_takes_its_place_at_once(connected: Desk) -> None:
    donor, _, partner = _matched(connected)
    right = seed_partner(connected.bench.aegis.store, {"FirstName": "Ruth", "LastName": "Other", "Address1": "1 Elm"})

    connected.run("undo", str(donor.donor_id), "--to", right, "--yes")

    assert connected.bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == right
    assert _next_partner(connected, donor) == right
    undone_back = connected.run("undo", str(donor.donor_id), "--to", partner, "--yes")
    assert undone_back.code == 0
    assert _next_partner(connected, donor) == partner


def test_the_donor_portal_shows_nothing_of_the_wrong_partner_any_more(connected: Desk) -> None:
    donor, gift, _ = _matched(connected)
    before = asking(connected.bench)(donor.donor_id)
    connected.run("undo", str(donor.donor_id), "--yes")
    after = asking(connected.bench)(donor.donor_id)
    assert [row["source"] for row in before["rows"]] == ["both"]
    assert [(row["donationId"], row["source"]) for row in after["rows"]] == [(gift, "raisedonors")]
    assert after["sources"]["aegis"]["cause"] == "no-partner"


def test_a_refund_still_goes_to_where_its_gift_is(connected: Desk) -> None:
    donor, gift, partner = _matched(connected)
    connected.run("undo", str(donor.donor_id), "--yes")
    connected.bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=connected.bench.clock())
    connected.bench.run(ticks=2)
    assert {str(t.partner_id) for t in connected.bench.transactions_of(gift)} == {partner}
    assert sum(t.total for t in connected.bench.transactions_of(gift)) == 0


def test_the_schedule_goes_on_with_a_pledge_of_the_new_partner(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("new_person")
    first = bench.give("first_of_schedule", donor=donor)
    bench.run()
    [sent] = bench.transactions_of(first)
    right = seed_partner(bench.aegis.store, {"FirstName": "Ruth", "LastName": "Other", "Address1": "1 Elm"})
    connected.run("undo", str(donor.donor_id), "--to", right, "--yes")
    later = bench.give("later_of_schedule", donor=donor)
    bench.run(ticks=3)
    [transaction] = bench.transactions_of(later)
    assert str(transaction.partner_id) == right != str(sent.partner_id)
    assert not any(line.by_hazard for line in transaction.lines)


def test_nothing_is_undone_while_a_gift_is_on_its_way(connected: Desk) -> None:
    donor, _, _ = _matched(connected)
    connected.bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    gift = connected.bench.give(donor=donor)
    connected.bench.pickup()
    connected.bench.drain()
    assert connected.bench.delivery(gift).state is State.UNKNOWN
    answer = connected.run("undo", str(donor.donor_id), "--yes")
    assert answer.code == 1
    assert f"aegis/donation/{gift}/created" in answer.err


def test_a_match_that_changed_since_it_was_shown_is_left_alone(connected: Desk) -> None:
    donor, _, _ = _matched(connected)
    plan = undoing.plan_undo(connected.stack, donor.donor_id)
    undoing.undo(connected.stack, plan, None, "", "one")
    with pytest.raises(NeedsPerson):
        undoing.undo(connected.stack, plan, None, "", "two")


def test_a_donor_without_a_match_and_a_partner_that_is_none_are_refused(connected: Desk) -> None:
    donor, _, partner = _matched(connected)
    assert connected.run("undo", "999999", "--yes").code == 2
    assert connected.run("undo", str(donor.donor_id), "--to", partner, "--yes").code == 2
    gone = connected.run("undo", str(donor.donor_id), "--to", "no-such", "--yes")
    assert gone.code == 1
    assert "not in Aegis" in gone.err


def test_a_key_of_the_wrong_partner_that_was_still_to_be_stored_is_not_stored_any_more(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("several_matches")
    bench.fault("raisedonors", FaultRule(FaultKind.DROP_BEFORE, "patchDonor", count=1))
    gift = bench.give(donor=donor)
    bench.pickup()
    bench.drain()
    assert bench.delivery(gift).mirrors
    right = seed_partner(bench.aegis.store, {"FirstName": "Ruth", "LastName": "Other", "Address1": "1 Elm"})

    connected.run("undo", str(donor.donor_id), "--to", right, "--yes")
    bench.clock.advance(600)
    bench.run(ticks=2)

    assert bench.delivery(gift).mirrors == ()
    assert bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == right


def test_a_gift_that_went_out_while_it_was_decided_is_told(connected: Desk) -> None:
    donor, _, partner = _matched(connected)
    plan = undoing.plan_undo(connected.stack, donor.donor_id)
    late = connected.bench.give(donor=donor)
    connected.bench.run()

    told = undoing.undo(connected.stack, plan, None, "", "one")

    assert f"Meanwhile aegis/donation/{late}/created went out" in told
    assert partner in told
