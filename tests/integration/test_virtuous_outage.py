"""After an outage of Virtuous, or of ours, all goes on by itself, and nothing is lost or doubled (D2, E9, R1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import requests

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, donation_created_id, donation_refunded_id
from ops.simulators.faults import FaultKind, FaultRule
from tests.virtuous_bench import HOME, VirtuousBench, virtuous_bench

NEW = {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}
DAYS = timedelta(days=5).total_seconds()


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench."""
    with virtuous_bench() as fresh:
        yield fresh


def linked(both: VirtuousBench, count: int) -> dict[int, int]:
    """Donors, all looked at once, with their contacts."""
    donors = [both.bench.population.make_donor("new_person", gives=False).donor_id for _ in range(count)]
    contacts = {donor: both.link(donor).contact_id for donor in donors}
    both.settle(2)
    return contacts


def streets(both: VirtuousBench, donors: dict[int, int]) -> set[str]:
    """The streets of the donors' primary addresses."""
    return {one["address1"] for donor in donors for one in both.donor(donor)["donorAddresses"] if one["isPrimary"]}


def know_projects(both: VirtuousBench) -> None:
    """The projects are known in Virtuous, so that gifts may go."""
    both.bench.pickup()
    both.batch()


def send(both: VirtuousBench, count: int) -> list[int]:
    """Gifts of as many donors, held by the import tool."""
    donors = [both.bench.population.make_donor("new_person") for _ in range(count)]
    gifts = [both.bench.give("one_time", donor=donor) for donor in donors]
    both.bench.pickup()
    both.batch()
    return gifts


def refuse(both: VirtuousBench, operation: str, status: int) -> FaultRule:
    """Let Virtuous answer an operation with this status, until the faults are cleared."""
    return both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, operation, status=status))


def test_edits_of_contacts_arrive_after_an_outage_of_their_reads(both: VirtuousBench) -> None:
    contacts = linked(both, 6)
    refuse(both, "getContact", 503)
    for contact in contacts.values():
        both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.settle(3)
    assert both.bench.tools.state.destination(VIRTUOUS).opened_at is not None

    both.virtuous.faults.clear()
    both.settle(3)

    assert streets(both, contacts) == {NEW["address1"]}
    assert both.bench.tools.state.destination(VIRTUOUS).opened_at is None


def test_a_new_secret_ends_what_the_reads_of_contacts_were_refused_for(both: VirtuousBench) -> None:
    contacts = linked(both, 1)
    [contact] = contacts.values()
    refuse(both, "*", 401)
    both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.settle(2)
    assert both.bench.tools.state.destination(VIRTUOUS).stopped_at is not None
    both.virtuous.faults.clear()

    both.bench.credentials[VIRTUOUS] = "v2"
    both.settle(4)

    assert both.delivery(contact_updated_id(contact)).state is State.DELIVERED


def test_gifts_that_are_held_without_an_id_are_no_outage(both: VirtuousBench) -> None:
    know_projects(both)
    gifts = send(both, 7)
    rule = FaultRule(FaultKind.STATUS_BEFORE, "getGiftByTransaction", status=200, body="")
    both.virtuous.faults.add(rule)
    both.bench.clock.advance(timedelta(days=2).total_seconds())

    both.settle(1)

    assert rule.fired
    assert both.bench.tools.state.destination(VIRTUOUS).opened_at is None
    assert {both.delivery(donation_created_id(gift, VIRTUOUS)).state for gift in gifts} == {State.SENT}


def test_a_reversal_whose_answer_was_lost_is_found_on_the_contact_that_survived_a_merge(both: VirtuousBench) -> None:
    know_projects(both)
    [gift] = send(both, 1)
    both.virtuous.run_import()
    both.settle(2)
    loser = int(both.delivery(donation_created_id(gift, VIRTUOUS)).result["contact"])
    person = {"firstName": "Other", "lastName": "Person"}
    survivor = both.virtuous.staff.add_contact({"contactIndividuals": [person], "address": HOME})
    both.virtuous.staff.merge(loser, survivor.contact_id)
    both.settle(1)
    rule = both.virtuous.faults.add(FaultRule(FaultKind.DROP_AFTER, "reverseGift", count=1))
    both.bench.raisedonors.store.edit("gift", gift, {"statusText": "Refunded"})

    both.settle(5)

    assert (rule.fired, both.delivery(donation_refunded_id(gift, VIRTUOUS)).state) == (1, State.DELIVERED)
    assert sum(posted.amount < 0 for posted in both.virtuous.store.gifts.values()) == 1


def test_a_contact_edited_while_the_pages_are_read_hides_no_other(
    both: VirtuousBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftbridge.flows.contact_net.PAGE", 3)
    contacts = linked(both, 8)
    both.net()
    both.bench.clock.advance(DAYS)
    for contact in contacts.values():
        both.virtuous.staff.edit_contact(contact, {"address": NEW})
        both.bench.clock.advance(60)
    both.virtuous.sender.deliver_due(lambda *_: 200)
    both.bench.clock.advance(DAYS)
    first = next(iter(contacts.values()))
    moved: list[int] = []

    def edit_behind_the_first_page(
        request: requests.PreparedRequest, send_it: Callable[[], requests.Response]
    ) -> requests.Response:
        answer = send_it()
        if "FullContact" in str(request.url) and not moved:
            moved.append(first)
            # The first contact becomes the last, and each of the others moves up by one.
            both.virtuous.staff.edit_contact(first, {"individual": {"firstName": "Zed"}})
        return answer

    both.bench.adapters[VIRTUOUS].around = edit_behind_the_first_page
    both.net()
    both.settle(2)

    assert moved == [first]
    assert streets(both, contacts) == {NEW["address1"]}


def test_a_walk_over_contacts_notes_the_page_that_failed(both: VirtuousBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftbridge.flows.contact_net.PAGE", 2)
    linked(both, 6)
    both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, "queryFullContacts", nth=3, count=2, status=503))

    assert both.net().why_idle == "Virtuous: status-503"

    place = both.bench.tools.state.get("cursor#contacts")
    assert place is not None
    # Two pages of two were read. After the first the day moved on, after the second the next one overlaps by one.
    assert place["skip"] == 1
