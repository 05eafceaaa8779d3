"""The donor's partner: known, imported, matched, created, or left to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from tests.workbench import Workbench


def _partner_of(bench: Workbench, gift: int) -> str:
    assert bench.delivery(gift).state is State.DELIVERED, bench.delivery(gift)
    [transaction] = bench.transactions_of(gift)
    return str(transaction.partner_id)


def _given(bench: Workbench, donor: MadeDonor, ticks: int = 1) -> str:
    """The partner that a new gift of the donor arrives at."""
    gift = bench.give(donor=donor)
    bench.run(ticks)
    return _partner_of(bench, gift)


def _copy(bench: Workbench, donor: MadeDonor, **members: Any) -> str:
    return seed_partner(bench.aegis.store, {**donor.person.partner(), **members})


def _key(bench: Workbench, donor: MadeDonor) -> str | None:
    row = bench.tools.keys.get(f"donor#{donor.donor_id}", "aegis")
    return row.key if row else None


def _on_raisedonors(bench: Workbench, donor: MadeDonor) -> Any:
    return bench.raisedonors.store.donors.entry(donor.donor_id).latest.members.get("crmKey")


def _said(bench: Workbench, donor: MadeDonor) -> list[str]:
    return [str(line["what"]) for line in bench.tools.activity.of_entity(f"donor#{donor.donor_id}")]


def test_an_imported_key_that_is_right_is_verified_once_and_used(bench: Workbench) -> None:
    donor = bench.population.make_donor("keyed")
    assert _given(bench, donor) == donor.partner_id
    assert bench.calls().count("getPartner") == 1
    assert "searchPartners" not in bench.calls()
    assert _given(bench, donor) == donor.partner_id
    assert bench.calls().count("getPartner") == 1


@pytest.mark.parametrize("answer", ["404", "null", "empty"])
def test_an_imported_key_of_nobody_is_dropped_and_replaced(bench: Workbench, answer: str) -> None:
    bench.aegis.store.settings.missing_partner = answer
    donor = bench.population.make_donor("keyed_gone")
    partner = _given(bench, donor)
    assert partner not in bench.aegis.store.seeded_partner_ids
    assert _key(bench, donor) == _on_raisedonors(bench, donor) == partner
    assert "imported key dropped" in _said(bench, donor)


def test_an_imported_key_of_an_inactive_partner_is_dropped(bench: Workbench) -> None:
    donor = bench.population.make_donor("keyed_inactive")
    old = _on_raisedonors(bench, donor)
    assert _given(bench, donor) != old
    assert "imported key dropped" in _said(bench, donor)


def test_an_imported_key_of_somebody_else_is_dropped(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    stranger = seed_partner(bench.aegis.store, {"FirstName": "Otto", "LastName": "Ander", "Address1": "1 Far Road"})
    right = _copy(bench, donor)
    bench.raisedonors.store.edit("donor", donor.donor_id, {"crmKey": stranger})
    assert _given(bench, donor) == right
    assert _on_raisedonors(bench, donor) == right


def test_our_own_key_is_trusted_until_aegis_refuses_it(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = _given(bench, donor)
    bench.aegis.store.set_partner_active(first, False)
    second = _given(bench, donor)
    assert second != first
    assert _key(bench, donor) == _on_raisedonors(bench, donor) == second
    assert "partner lost" in _said(bench, donor)


def test_our_own_key_of_a_partner_that_is_gone_is_matched_anew(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = _given(bench, donor)
    merged_into = _copy(bench, donor)
    del bench.aegis.store.partners[first]
    assert _given(bench, donor) == merged_into


@pytest.mark.parametrize("happened", ["gone", "inactive"])
def test_a_schedule_whose_partner_is_lost_goes_on_with_a_new_partner_and_pledge(
    bench: Workbench, happened: str
) -> None:
    donor = bench.population.make_donor("new_person")
    gift = bench.give("first_of_schedule", donor=donor)
    bench.run()
    first = _partner_of(bench, gift)
    if happened == "gone":
        del bench.aegis.store.partners[first]
    else:
        bench.aegis.store.set_partner_active(first, False)
    later = bench.give("later_of_schedule", donor=donor)
    bench.run()
    assert _partner_of(bench, later) != first
    [transaction] = bench.transactions_of(later)
    assert not any(line.by_hazard for line in transaction.lines)


def test_a_first_gift_of_a_schedule_finds_its_lost_partner_anew(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = _given(bench, donor)
    bench.aegis.store.set_partner_active(first, False)
    gift = bench.give("first_of_schedule", donor=donor)
    bench.run()
    assert _partner_of(bench, gift) != first


@pytest.mark.parametrize(("setting", "expected"), [("oldest", 0), ("newest", 2)])
def test_of_several_partners_the_setting_picks_one(bench: Workbench, setting: str, expected: int) -> None:
    bench.settings(aegis={"on_several_matches": setting})
    donor = bench.population.make_donor("new_person")
    ids = [_copy(bench, donor, MemberDate=f"{year}-03-01T09:00:00-07:00") for year in (2010, 2011, 2012)]
    assert _given(bench, donor) == ids[expected]


@pytest.mark.parametrize("setting", ["create", "create_and_notify"])
def test_of_several_partners_none_is_taken_where_that_is_set(bench: Workbench, setting: str) -> None:
    bench.settings(aegis={"on_several_matches": setting})
    donor = bench.population.make_donor("several_matches")
    partner = _given(bench, donor)
    assert partner not in bench.aegis.store.seeded_partner_ids
    assert "several partners match" in _said(bench, donor)


def test_a_new_partner_beside_several_is_made_once_even_when_the_answer_is_lost(bench: Workbench) -> None:
    bench.settings(aegis={"on_several_matches": "create"})
    bench.aegis.store.custom_data_fields.clear()
    donor = bench.population.make_donor("several_matches")
    bench.aegis.faults.drop("createPartner", after_commit=True, count=1)
    _given(bench, donor, ticks=4)
    assert len(set(bench.aegis.store.partners) - bench.aegis.store.seeded_partner_ids) == 1


def test_review_names_the_candidates_and_holds_the_donors_other_gifts(bench: Workbench) -> None:
    bench.settings(aegis={"on_several_matches": "review"})
    donor, other = bench.population.make_donor("several_matches"), bench.population.make_donor("new_person")
    first, second, elses = bench.give(donor=donor), bench.give(donor=donor), bench.give(donor=other)
    bench.run(ticks=2)
    parked, held = bench.delivery(first), bench.delivery(second)
    assert parked.state is State.FAILED
    assert parked.trouble is not None
    assert frozenset(parked.trouble.candidates) == bench.raisedonors.store.expected_partners[donor.donor_id]
    assert (held.state, held.trouble.cause if held.trouble else None) == (State.WAITING, "held")
    assert bench.delivery(elses).state is State.DELIVERED
    assert not bench.transactions_of(first) + bench.transactions_of(second)


@pytest.mark.parametrize(
    "kind", ["look_alike", "shared_email", "household", "inactive_match", "known_loose", "known_organisation"]
)
def test_each_kind_of_donor_ends_at_the_right_partner(bench: Workbench, kind: str) -> None:
    for _ in range(3):
        donor = bench.population.make_donor(kind)
        expected = bench.raisedonors.store.expected_partners[donor.donor_id]
        partner = _given(bench, donor)
        if expected:
            assert partner in expected
        else:
            assert partner not in bench.aegis.store.seeded_partner_ids


def test_the_right_partner_is_found_behind_a_hundred_others(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    for n in range(250):
        seed_partner(bench.aegis.store, {**donor.person.partner(), "Address1": f"{n} Far Road", "PartnerEmails": []})
    right = _copy(bench, donor)
    assert _given(bench, donor) == right
    assert bench.calls().count("searchPartners") == 3


def test_the_donor_id_in_aegis_decides_before_everything_else(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    _copy(bench, donor)
    custom = [{"Name": "RaiseDonors.Donor.Id", "Value": str(donor.donor_id)}]
    moved = replace(donor.person, address1="77 New Road", email=None, phone=None)
    right = seed_partner(bench.aegis.store, {**moved.partner(), "CustomData": custom})
    assert _given(bench, donor) == right


def test_a_new_partner_carries_the_donor_id_and_the_origin(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner = bench.aegis.store.partners[_given(bench, donor)]
    assert partner["CustomData"] == [{"Name": "RaiseDonors.Donor.Id", "Value": str(donor.donor_id)}]
    assert partner["OriginSource"] == "WEB"
    assert partner["PartnerEmails"][0]["Email"] == donor.person.email


@pytest.mark.parametrize("why", ["missing", "inactive", "too short"])
def test_without_the_custom_field_partners_are_made_without_it_and_that_is_said_once(
    bench: Workbench, why: str
) -> None:
    fields = bench.aegis.store.custom_data_fields
    fields.clear()
    if why != "missing":
        short = 3 if why == "too short" else 50
        bench.aegis.store.add_custom_data_field("RaiseDonors.Donor.Id", active=why != "inactive", max_length=short)
    donors = [bench.population.make_donor("new_person") for _ in range(3)]
    partners = [bench.aegis.store.partners[_given(bench, donor)] for donor in donors]
    assert all(partner["CustomData"] == [] for partner in partners)
    said = [what for donor in donors for what in _said(bench, donor)]
    assert said.count("no donor id in Aegis") == 1


def test_a_rule_of_email_alone_matches_once_it_is_switched_on(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    spouse = replace(bench.population.make_donor("new_person").person, email=donor.person.email)
    shared = seed_partner(bench.aegis.store, spouse.partner())
    bench.settings(aegis={"match_rules": [["donor_id"], ["email"]]})
    assert _given(bench, donor) == shared


@pytest.mark.parametrize("setting", ["create", "oldest", "review"])
def test_rules_that_change_while_a_partners_answer_is_lost_make_no_second_one_of_what_landed(
    bench: Workbench, setting: str
) -> None:
    donor = bench.population.make_donor("new_person")
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPartner", nth=1))
    gift = bench.give(donor=donor)
    bench.pickup()
    bench.drain()
    # Others live at the same address, and one reads the donor's mail: the new rules find them as well.
    for name in ("Ada", "Ben"):
        _copy(bench, donor, FirstName=name, MemberDate="2001-01-01T00:00:00Z")
    bench.settings(aegis={"match_rules": [["last_name", "address"], ["email"]], "on_several_matches": setting})

    bench.run(ticks=5)

    [made] = [p for p in bench.aegis.store.partners.values() if _carries(p, donor.donor_id)]
    assert _partner_of(bench, gift) == made["ID"]


@pytest.mark.parametrize("knows_donor_ids", [True, False])
@pytest.mark.parametrize("is_organization", [False, True])
def test_a_donor_renamed_while_a_partners_answer_is_lost_has_one_partner(
    bench: Workbench, knows_donor_ids: bool, is_organization: bool
) -> None:
    if not knows_donor_ids:
        bench.aegis.store.custom_data_fields.clear()
    donor = bench.population.make_donor("new_organisation" if is_organization else "new_person")
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPartner", nth=1))
    gift = bench.give(donor=donor)
    before = len(bench.aegis.store.partners)
    bench.pickup()
    bench.drain()
    assert len(bench.aegis.store.partners) == before + 1
    names = {"organizationName": "Quite Another"} if is_organization else {"firstName": "Zoe", "lastName": "Quincy"}
    emails = [{"value": "another@example.org", "isPrimary": True}]
    bench.raisedonors.store.edit(
        "donor", donor.donor_id, {**names, "donorEmailAddresses": emails}, modified=bench.clock()
    )

    bench.run(ticks=5)

    assert len(bench.aegis.store.partners) == before + 1
    made = bench.aegis.store.partners[_partner_of(bench, gift)]
    # The edit follows.
    assert (made["Company"] if is_organization else made["LastName"]) in {"Quite Another", "Quincy"}


def _carries(partner: dict[str, Any], donor_id: int) -> bool:
    found = partner.get("CustomData") or []
    return any(one["Name"] == "RaiseDonors.Donor.Id" and one["Value"] == str(donor_id) for one in found)
