"""Edits of donors arrive in their partners, or with the notification list (requirement B3)."""

from __future__ import annotations

from typing import Any

import pytest

from giftbridge.domain.deliveries import Delivery, State
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench

NEW_HOME = {
    "address1": "9 Elm Road",
    "address2": None,
    "city": "Boulder",
    "state": "CO",
    "postal": "80302",
    "countryString": "USA",
    "isPrimary": True,
    "id": 1,
}


class Given:
    """A donor whose first gift made their partner."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.donor = bench.population.make_donor("new_person").donor_id
        made = next(d for d in bench.population.donors if d.donor_id == self.donor)
        bench.give(donor=made)
        bench.run(ticks=2)
        row = bench.tools.keys.get(f"donor#{self.donor}", "aegis")
        assert row is not None
        self.partner = str(row.key)
        bench.aegis.log.clear()

    def edit(self, **members: Any) -> None:
        self.bench.clock.advance(5)
        self.bench.raisedonors.store.edit("donor", self.donor, members, modified=self.bench.clock())

    def phone(self, number: str) -> None:
        phones = self.bench.raisedonors.store.donors.entry(self.donor).latest.members["donorPhoneNumbers"]
        first = {"id": 5, "isPrimary": True, **(phones[0] if phones else {}), "value": number}
        self.edit(donorPhoneNumbers=[first, *phones[1:]], phone=number)

    @property
    def record(self) -> dict[str, Any]:
        return dict(self.bench.aegis.store.partners[self.partner])

    @property
    def phones(self) -> list[str]:
        return [entry["Number"] for entry in self.record["PartnerPhones"] or ()]

    @property
    def delivery(self) -> Delivery | None:
        return self.bench.tools.deliveries.get(f"aegis/donor/{self.donor}/updated")


@pytest.fixture
def given(bench: Workbench) -> Given:
    """A donor with a partner."""
    return Given(bench)


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    changed = {name: after.get(name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    changed.pop("DateModified", None)
    return changed


def test_the_first_sight_of_a_donor_only_records_how_they_look(bench: Workbench, given: Given) -> None:
    stranger = bench.population.make_donor("new_person", gives=False).donor_id
    bench.run(ticks=3)
    assert bench.calls() == []
    assert bench.tools.deliveries.get(f"aegis/donor/{stranger}/updated") is None
    assert bench.tools.agreed.get(f"donor#{stranger}", "aegis")
    assert given.delivery is None


def test_an_edit_changes_its_own_members_and_nothing_else_in_the_partner(bench: Workbench, given: Given) -> None:
    bench.aegis.store.edit_partner(
        given.partner,
        {
            "StaffRating": 5,
            "Nested": {"deep": [None, 1]},
            "Spouse": "Kim",
            "EmailPreference": "Text",
        },
    )
    before = given.record
    given.edit(lastName="Åkesson-Ωμέγα", donorAddresses=[NEW_HOME])
    bench.run(ticks=2)
    assert differing(before, given.record) == {
        "LastName": "Åkesson-Ωμέγα",
        "Address1": "9 Elm Road",
        **({"Address2": None} if before.get("Address2") else {}),
        **{n: v for n, v in (("City", "Boulder"), ("StateProv", "CO"), ("PostalCode", "80302")) if before.get(n) != v},
    }
    assert bench.calls() == ["getPartner", "getPartner", "savePartner"]
    line = next(
        line
        for line in bench.tools.activity.of_entity(f"donor#{given.donor}")
        if line["what"] == "delivered" and line["delivery"].endswith("updated")
    )
    assert {"field": "LastName", "old": before["LastName"], "new": "Åkesson-Ωμέγα"} in line["details"]["changes"]


def test_a_phone_that_staff_added_survives_a_new_phone_of_the_donor(bench: Workbench, given: Given) -> None:
    given.phone("989-555-0101")
    bench.run(ticks=2)
    listed = [
        *given.record["PartnerPhones"],
        {"Type": "Work", "Priority": 9, "Number": "303-555-0199", "Extension": "7"},
    ]
    bench.aegis.store.edit_partner(given.partner, {"PartnerPhones": listed})
    given.phone("989-555-0102")
    bench.run(ticks=2)
    assert "989-555-0102" in given.phones
    assert "989-555-0101" not in given.phones
    kept = given.record["PartnerPhones"][-1]
    assert {name: kept.get(name) for name in listed[-1]} == listed[-1]


def test_a_new_email_takes_the_old_ones_place(bench: Workbench, given: Given) -> None:
    given.edit(
        donorEmailAddresses=[{"id": 9, "value": "new.home@example.org", "isPrimary": True}],
        email="new.home@example.org",
    )
    bench.run(ticks=2)
    assert [entry["Email"] for entry in given.record["PartnerEmails"]] == ["new.home@example.org"]


def test_what_staff_changed_in_aegis_and_the_donor_did_not_is_left_alone(bench: Workbench, given: Given) -> None:
    bench.aegis.store.edit_partner(given.partner, {"Address1": "1 Corrected Street", "FirstName": "Maria-Luisa"})
    given.phone("989-555-0155")
    bench.run(ticks=2)
    assert given.record["Address1"] == "1 Corrected Street"
    assert given.record["FirstName"] == "Maria-Luisa"
    assert "989-555-0155" in given.phones


def test_a_there_and_back_edit_arrives_each_time_it_was_seen(bench: Workbench, given: Given) -> None:
    seen = []
    for number in ("989-555-0111", "989-555-0122", "989-555-0111"):
        given.phone(number)
        bench.run(ticks=1)
        seen.append(number in given.phones)
    assert seen == [True, True, True]
    assert given.delivery is not None
    assert (given.delivery.state, given.delivery.wanted, given.delivery.served) == (State.DELIVERED, 3, 3)


@pytest.mark.parametrize("moment", ["getDonor", "getPartner", "savePartner"])
@pytest.mark.parametrize("sighted", ["before the fact is written", "after it"])
def test_an_edit_that_comes_back_while_the_first_is_being_saved_is_not_lost(
    bench: Workbench, given: Given, moment: str, sighted: str
) -> None:
    """A, B, A: B is being saved when A comes back, at each point of the save, seen by a pickup meanwhile or later."""
    given.phone("989-555-0111")
    bench.run(ticks=1)
    system = "raisedonors" if moment == "getDonor" else "aegis"
    fired: list[bool] = []

    def edited_back(request: Any, send: Any) -> Any:
        answer = send()
        path = str(request.url)
        is_it = {
            "getDonor": f"/api/Donor/{given.donor}" in path and request.method == "GET",
            "getPartner": "/partner/ID/" in path,
            "savePartner": "/partner/Save" in path,
        }[moment]
        if is_it and not fired:
            fired.append(True)
            given.phone("989-555-0111")
            if sighted.startswith("before"):
                bench.pickup(owner="another")
        return answer

    given.phone("989-555-0122")
    bench.pickup()
    bench.adapters[system].around = edited_back
    bench.drain()
    assert fired
    bench.run(ticks=4)
    assert "989-555-0111" in given.phones
    assert "989-555-0122" not in given.phones
    assert given.delivery is not None
    assert given.delivery.state in {State.DELIVERED, State.IGNORED}
    assert bench.tools.agreed.get(f"donor#{given.donor}", "aegis")["phones"].startswith("989-555-0111")  # type: ignore[index]


def test_a_lost_answer_is_looked_up_and_not_saved_twice(bench: Workbench, given: Given) -> None:
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "savePartner", count=1))
    given.phone("989-555-0133")
    bench.run(ticks=4)
    assert "989-555-0133" in given.phones
    assert bench.calls().count("savePartner") == 1
    assert bench.tools.keys.get(f"saving:partner#{given.partner}", "aegis") is None


def test_a_partner_that_staff_changed_between_read_and_save_is_merged_again(bench: Workbench, given: Given) -> None:
    fired: list[bool] = []

    def staff_edits_after_the_first_read(request: Any, send: Any) -> Any:
        answer = send()
        if "/partner/ID/" in str(request.url) and not fired:
            fired.append(True)
            bench.aegis.store.edit_partner(given.partner, {"Salutation": "Dear Kim"})
        return answer

    bench.adapters["aegis"].around = staff_edits_after_the_first_read
    given.phone("989-555-0144")
    bench.run(ticks=2)
    assert fired
    assert given.record["Salutation"] == "Dear Kim"
    assert "989-555-0144" in given.phones


def test_without_a_partner_the_notification_list_is_told_and_no_partner_is_made(bench: Workbench, given: Given) -> None:
    stranger = bench.population.make_donor("new_person", gives=False).donor_id
    bench.run(ticks=2)
    made_before = len(bench.aegis.store.partners)
    bench.clock.advance(5)
    bench.raisedonors.store.edit("donor", stranger, {"lastName": "Neu"}, modified=bench.clock())
    bench.run(ticks=3)
    delivery = bench.tools.deliveries.get(f"aegis/donor/{stranger}/updated")
    assert delivery is not None
    assert delivery.state is State.IGNORED
    assert delivery.trouble is not None
    assert delivery.trouble.cause == "no-partner"
    [waiting] = bench.tools.notices.oldest(10)
    assert waiting.notice.about == f"donor#{stranger}"
    assert [(change.field, change.new) for change in waiting.notice.changes] == [("last name", "Neu")]
    assert len(bench.aegis.store.partners) == made_before


def test_an_inactive_partner_counts_as_none(bench: Workbench, given: Given) -> None:
    bench.aegis.store.set_partner_active(given.partner, False)
    given.phone("989-555-0166")
    bench.run(ticks=2)
    assert "savePartner" not in bench.calls()
    assert len(bench.tools.notices.oldest(10)) == 1


def test_an_edit_between_the_partners_making_and_the_first_sight_is_not_lost(bench: Workbench) -> None:
    """The worker reads the donor as A and makes the partner; the feed sees the donor first as B."""
    donor = bench.population.make_donor("new_person")
    bench.raisedonors.store.edit("donor", donor.donor_id, {"lastName": "Aalto"}, modified=bench.clock())
    bench.give(donor=donor)
    fired: list[bool] = []

    def edited_while_made(request: Any, send: Any) -> Any:
        answer = send()
        if "/partner/Create" in str(request.url) and not fired:
            fired.append(True)
            bench.clock.advance(1)
            bench.raisedonors.store.edit("donor", donor.donor_id, {"lastName": "Berg"}, modified=bench.clock())
            bench.pickup(owner="another")
        return answer

    bench.pickup()
    bench.adapters["aegis"].around = edited_while_made
    bench.drain()
    assert fired
    bench.run(ticks=4)
    row = bench.tools.keys.get(f"donor#{donor.donor_id}", "aegis")
    assert row is not None
    assert bench.aegis.store.partners[str(row.key)]["LastName"] == "Berg"


def test_two_donors_who_share_a_partner_save_one_after_the_other(bench: Workbench, given: Given) -> None:
    other = bench.population.make_donor("new_person", gives=False).donor_id
    bench.raisedonors.store.edit(
        "donor", other, {"crmKey": given.partner, **_names_of(bench, given.donor)}, modified=bench.clock()
    )
    bench.run(ticks=2)
    fired: list[bool] = []

    def the_other_is_worked_on_meanwhile(request: Any, send: Any) -> Any:
        if "/partner/Save" in str(request.url) and not fired:
            fired.append(True)
            bench.drain()
        return send()

    given.phone("989-555-0177")
    bench.clock.advance(5)
    bench.raisedonors.store.edit("donor", other, {"middleName": "Q"}, modified=bench.clock())
    bench.pickup()
    bench.adapters["aegis"].around = the_other_is_worked_on_meanwhile
    bench.work(most=1)
    assert fired
    bench.run(ticks=4)
    assert given.record["MiddleName"] == "Q"
    assert "989-555-0177" in given.phones


def _names_of(bench: Workbench, donor: int) -> dict[str, Any]:
    members = bench.raisedonors.store.donors.entry(donor).latest.members
    return {name: members.get(name) for name in ("firstName", "lastName", "isOrganization", "organizationName")}


def test_a_country_that_is_none_goes_to_a_person_and_the_corrected_one_arrives(bench: Workbench, given: Given) -> None:
    given.edit(donorAddresses=[{**NEW_HOME, "countryString": "Atlantis"}])
    bench.run(ticks=2)
    assert given.delivery is not None
    assert given.delivery.state is State.FAILED
    assert given.delivery.trouble is not None
    assert given.delivery.trouble.field == "donor.primaryAddress.countryString"
    given.edit(donorAddresses=[NEW_HOME])
    bench.run(ticks=2)
    assert given.record["Address1"] == "9 Elm Road"
