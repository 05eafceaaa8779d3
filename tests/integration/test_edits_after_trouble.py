"""Edits of donors that meet lost answers, dead workers and other edits: each arrives, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from giftbridge.domain.deliveries import Delivery, Kind, State, Step
from giftbridge.domain.delivery_ids import donor_updated_id
from giftbridge.domain.delivery_life import new_delivery
from giftbridge.store.rows import commit
from ops.simulators.faults import FaultKind, FaultRule
from tests.integration.test_donor_edits import NEW_HOME, Given
from tests.workbench import Workbench

REFUSED_FOR_NOW = {"Retry-After": "3"}


@pytest.fixture
def donor(bench: Workbench) -> Given:
    """A donor with a partner."""
    return Given(bench)


def state_of(given: Given) -> State:
    assert given.delivery is not None
    return given.delivery.state


def cause_of(delivery: Delivery | None) -> str | None:
    return delivery.trouble.cause if delivery is not None and delivery.trouble is not None else None


def work_once(bench: Workbench) -> None:
    bench.pickup()
    bench.drain()


def phone_that_must_wait(bench: Workbench, donor: Given) -> None:
    """A new phone whose save Aegis refused for now."""
    rule = FaultRule(FaultKind.STATUS_BEFORE, "savePartner", count=1, status=429, headers=REFUSED_FOR_NOW)
    bench.fault("aegis", rule)
    donor.phone("989-555-0122")
    work_once(bench)
    assert state_of(donor) is State.WAITING


# --- saves whose answer was lost ------------------------------------------------------------------------------


def test_a_donor_who_takes_an_edit_back_while_its_save_is_unknown_is_as_before_in_aegis(
    bench: Workbench, donor: Given
) -> None:
    donor.phone("989-555-0111")
    bench.run(ticks=1)
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "savePartner", count=1))
    donor.phone("989-555-0122")
    work_once(bench)
    assert state_of(donor) is State.UNKNOWN
    donor.phone("989-555-0111")
    bench.run(ticks=10)
    assert "989-555-0122" not in donor.phones
    assert "989-555-0111" in donor.phones


def test_a_name_taken_back_with_another_edit_while_its_save_is_unknown_does_not_stay_in_aegis(
    bench: Workbench, donor: Given
) -> None:
    name = donor.record["LastName"]
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "savePartner", count=1))
    donor.edit(lastName="Wrong")
    work_once(bench)
    assert state_of(donor) is State.UNKNOWN
    donor.edit(lastName=name)
    donor.phone("989-555-0177")
    bench.run(ticks=10)
    assert donor.record["LastName"] == name
    assert "989-555-0177" in donor.phones


# --- workers that died ----------------------------------------------------------------------------------------


def dead_letter(bench: Workbench) -> None:
    """The next message's worker died again and again: it is a dead letter."""
    [record] = bench.receive()
    bench.sqs.delete_message(QueueUrl=bench.queue_url, ReceiptHandle=record["receiptHandle"])
    bench.sqs.send_message(
        QueueUrl=bench.dead_letter_url, MessageBody=record["body"], MessageGroupId="g", MessageDeduplicationId="1"
    )


def watch_key_writes(bench: Workbench, on_write: Callable[[], None]) -> None:
    def look(params: dict[str, Any], model: Any, **_: Any) -> None:
        writes = params.get("TransactItems", ()) if model.name == "TransactWriteItems" else ()
        if any(write["TableName"] == "CrmKeysTable" for item in writes for write in item.values()):
            on_write()

    bench.dynamodb.meta.events.register("provide-client-params.dynamodb.*", look)


def test_an_edit_whose_hold_was_given_back_gives_it_back_no_second_time_when_its_worker_dies(
    bench: Workbench, donor: Given
) -> None:
    phone_that_must_wait(bench, donor)
    assert donor.delivery is not None
    assert donor.delivery.attempt is not None
    assert donor.delivery.attempt.step is Step.SAVE
    bench.clock.advance(10)
    bench.sweep()
    dead_letter(bench)
    written: list[None] = []
    watch_key_writes(bench, lambda: written.append(None))
    bench.clock.advance(60)
    assert bench.sweep().died == 1
    assert written == []
    assert donor.delivery.deaths == 1


def test_the_sweep_needs_no_right_to_write_keys_and_goes_on_past_an_edit_whose_worker_died(
    bench: Workbench, donor: Given
) -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TransactWriteItems")

    phone_that_must_wait(bench, donor)
    bench.clock.advance(10)
    bench.sweep()
    dead_letter(bench)
    watch_key_writes(bench, refuse)
    bench.clock.advance(60)
    assert bench.sweep().died == 1
    assert state_of(donor) is State.WAITING
    bench.clock.advance(60)
    assert bench.sweep().nudged == 1


# --- who waits for whom ---------------------------------------------------------------------------------------


def test_an_edit_waits_for_the_other_donors_save_of_the_same_partner_and_says_so(
    bench: Workbench, donor: Given
) -> None:
    phone_that_must_wait(bench, donor)
    now = bench.clock()
    other = new_delivery(id=donor_updated_id(999), kind=Kind.DONOR_UPDATED, donor_id=999, entity_id="999", now=now)
    bench.tools.deliveries.add(replace(other, state=State.UNKNOWN, wanted=1, due=now + timedelta(days=1)))
    commit(bench.dynamodb, [bench.tools.keys.hold(f"saving:partner#{donor.partner}", "aegis", other.id, now)])
    for _ in range(3):
        bench.clock.advance(30)
        bench.sweep()
        bench.drain()
        assert state_of(donor) is State.WAITING
        assert cause_of(donor.delivery) == "held"
        assert donor.delivery is not None
        assert donor.delivery.due > bench.clock()


# --- what cannot be saved as it is ----------------------------------------------------------------------------


def test_an_edit_that_failed_and_was_taken_back_is_no_failure_any_more(bench: Workbench, donor: Given) -> None:
    name = bench.raisedonors.store.donors.entry(donor.donor).latest.members["lastName"]
    refusal = '{"Message": "No.", "ModelState": {"partner.LastName": ["Too short."]}}'
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "savePartner", status=400, body=refusal))
    donor.edit(lastName="X")
    bench.run(ticks=3)
    assert state_of(donor) is State.FAILED
    bench.aegis.faults.clear()
    donor.edit(lastName=name)
    bench.run(ticks=10)
    assert (state_of(donor), cause_of(donor.delivery)) == (State.IGNORED, "nothing-changed")
    assert bench.dead_letters() == 0


def test_every_phone_of_a_donor_with_many_arrives_whole(bench: Workbench, donor: Given) -> None:
    numbers = [f"(989) 555-{number:04d}" for number in range(45)]
    listed = [{"id": 100 + n, "isPrimary": n == 0, "value": number} for n, number in enumerate(numbers)]
    donor.edit(donorPhoneNumbers=listed)
    bench.run(ticks=3)
    assert set(donor.phones) >= set(numbers)
    assert max(map(len, donor.phones)) < 16


@pytest.mark.parametrize("named_before", [True, False])
def test_a_country_that_is_no_longer_named_is_emptied_and_one_never_named_stays(
    bench: Workbench, donor: Given, named_before: bool
) -> None:
    without = {**NEW_HOME, "countryString": None}
    donor.edit(donorAddresses=[NEW_HOME if named_before else without])
    bench.run(ticks=2)
    bench.aegis.store.edit_partner(donor.partner, {"CountryCode": "DE"})
    donor.edit(donorAddresses=[{**without, "address1": "12 Oak Lane"}])
    bench.run(ticks=2)
    assert donor.record["Address1"] == "12 Oak Lane"
    assert donor.record["CountryCode"] == ("" if named_before else "DE")
