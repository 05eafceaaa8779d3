"""The hourly query finds what no webhook told of, and records how contacts looked when the sync began (E8, E9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id
from giftbridge.domain.times import format_moment
from ops.simulators.faults import FaultKind, FaultRule
from tests.virtuous_bench import VirtuousBench, virtuous_bench

ELSEWHERE = {"address1": "99 Old Rd", "city": "Boston", "state": "MA", "postal": "02108", "country": "US"}
NEW = {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench."""
    with virtuous_bench() as fresh:
        yield fresh


def lose_webhooks(both: VirtuousBench) -> None:
    """Nobody hears what Virtuous tells."""
    both.virtuous.sender.deliver_due(lambda *_: 200)


def begin_now(both: VirtuousBench) -> None:
    """The sync begins now: what is older is the past."""
    state = both.bench.tools.state
    state.put("enabled#virtuous", {"at": format_moment(both.bench.clock())}, state.get("enabled#virtuous"))


def street(both: VirtuousBench, donor_id: int) -> str:
    """The street of a donor's primary address."""
    return str(next(one["address1"] for one in both.donor(donor_id)["donorAddresses"] if one["isPrimary"]))


def test_an_edit_whose_webhook_was_lost_arrives_with_the_next_query_and_is_counted(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    contact = both.link(donor)
    both.settle(2)
    both.net()
    both.virtuous.staff.edit_contact(contact.contact_id, {"address": NEW})
    lose_webhooks(both)

    found = both.net()
    both.settle(2)

    assert found.found == 1
    assert street(both, donor) == NEW["address1"]
    assert both.delivery(contact_updated_id(contact.contact_id)).result["found"] == "query of modified contacts"
    assert both.net().found == 0


def test_contacts_of_others_cost_no_call(both: VirtuousBench) -> None:
    both.virtuous.staff.add_contact({"contactIndividuals": [{"firstName": "A", "lastName": "B"}]})
    lose_webhooks(both)
    both.bench.pickup()

    outcome = both.net()
    both.settle(1)

    assert outcome.counts["not ours"] == 1
    assert "getContact" not in both.calls()


def test_a_difference_from_before_the_sync_does_not_travel_with_a_later_edit(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    old_street = street(both, donor)
    contact = both.link(donor, address=ELSEWHERE)
    lose_webhooks(both)
    both.bench.clock.advance(3600)
    begin_now(both)
    both.bench.pickup()

    assert both.net().counts["differing from before"] == 1
    both.bench.clock.advance(60)
    both.virtuous.staff.edit_contact(contact.contact_id, {"individual": {"phone": "404-555-0199"}})
    both.settle(3)

    phones = [one["value"] for one in both.donor(donor)["donorPhoneNumbers"] if one["isPrimary"]]
    assert phones == ["404-555-0199"]
    assert street(both, donor) == old_street
    both.virtuous.staff.edit_contact(contact.contact_id, {"address": NEW})
    both.settle(3)
    assert street(both, donor) == NEW["address1"]


def test_a_walk_of_many_pages_goes_on_where_the_time_ran_out(
    both: VirtuousBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftbridge.flows.contact_net.PAGE", 2)
    monkeypatch.setattr("giftbridge.flows.contact_net._MOST_PAGES", 2)
    donors = [both.bench.population.make_donor("new_person", gives=False).donor_id for _ in range(7)]
    contacts = [both.link(donor) for donor in donors]
    both.bench.pickup()
    for contact in contacts:
        both.virtuous.staff.edit_contact(contact.contact_id, {"address": NEW})
    lose_webhooks(both)

    walks = [both.net() for _ in range(4)]
    both.settle(2)

    # Pages overlap by one: what moves up while another contact moves to the end is seen all the same.
    # The first page is read again from the day on that it led to.
    assert [walk.seen for walk in walks] == [4, 4, 4, 2]
    assert {street(both, donor) for donor in donors} == {NEW["address1"]}


def test_a_page_that_fails_is_asked_for_again_and_not_all_before_it(
    both: VirtuousBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftbridge.flows.contact_net.PAGE", 2)
    for donor in [both.bench.population.make_donor("new_person", gives=False).donor_id for _ in range(5)]:
        both.link(donor)
    lose_webhooks(both)
    both.bench.pickup()
    both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, "queryFullContacts", nth=4, count=2, status=503))

    assert both.net().why_idle == "Virtuous: status-503"
    both.virtuous.log.clear()
    assert both.net().why_idle is None

    assert both.calls().count("queryFullContacts") == 2


def test_an_offset_that_is_refused_moves_the_day_on(both: VirtuousBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftbridge.flows.contact_net.PAGE", 2)
    for _ in range(6):
        both.link(both.bench.population.make_donor("new_person", gives=False).donor_id)
    both.bench.clock.advance(timedelta(days=3).total_seconds())
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    later = both.link(donor)
    lose_webhooks(both)
    both.bench.pickup()

    def refuse_large_offsets(
        request: requests.PreparedRequest, send_it: Callable[[], requests.Response]
    ) -> requests.Response:
        answer = send_it()
        query = parse_qs(urlsplit(str(request.url)).query)
        if "FullContact" in str(request.url) and int(query["skip"][0]) > 2:
            answer.status_code, answer._content = 400, b'{"message": "skip is too large"}'
        return answer

    both.bench.adapters[VIRTUOUS].around = refuse_large_offsets
    both.virtuous.staff.edit_contact(later.contact_id, {"address": NEW})
    lose_webhooks(both)
    outcome = both.net()
    both.settle(2)

    assert outcome.why_idle is None
    assert outcome.counts["not listed"] > 0
    assert street(both, donor) == NEW["address1"]


def test_a_virtuous_that_cannot_be_asked_puts_it_off(both: VirtuousBench) -> None:
    both.bench.pickup()
    both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, "queryFullContacts", status=500))

    assert both.net().why_idle == "Virtuous: status-500"
    both.virtuous.faults.clear()
    assert both.net().why_idle is None


def test_the_first_look_waits_until_all_donors_are_recorded(both: VirtuousBench) -> None:
    assert both.net().why_idle == "the donors are not all recorded yet"
    assert both.calls() == ["createWebhook"]


def test_a_known_contact_is_not_read_again(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    contact = both.link(donor)
    both.settle(2)
    assert both.delivery(contact_updated_id(contact.contact_id)).state is State.IGNORED
    reads = both.calls().count("getContact")

    both.net()
    both.settle(1)

    assert both.calls().count("getContact") == reads
