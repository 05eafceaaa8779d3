"""Answers whose bodies say nothing, which the contract allows: what is not there is not read, what was done counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.errors import RetryLater
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.integration.served_virtuous import ServedVirtuous, served_virtuous

ROW = {"referenceId": "9", "contactType": "Household", "firstName": "Imani", "lastName": "Vance"}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedVirtuous]:
    with served_virtuous() as fresh:
        yield fresh


@pytest.fixture
def crm(served: ServedVirtuous) -> Iterator[ServedVirtuous]:
    served.start_anew()
    yield served
    assert served.kept_the_contract()


def answer_after(crm: ServedVirtuous, operation: str, text: str) -> FaultRule:
    """Let an operation be carried out and be answered with a plain text."""
    rule = FaultRule(FaultKind.STATUS_AFTER, operation, status=200, body=text, content_type="text/plain")
    return crm.world.simulator.faults.add(rule)


@pytest.mark.parametrize(("body", "content_type"), [("OK", "text/plain"), ("<html></html>", "text/html")])
def test_a_ping_whose_answer_says_nothing_is_followed_by_one_whose_answer_must(
    crm: ServedVirtuous, body: str, content_type: str
) -> None:
    crm.answer("getOrganization", 200, body, content_type=content_type)

    crm.client.ping()

    assert crm.operations()[0] == "getOrganization"
    assert crm.operations()[-1] == "queryFullContacts"


@pytest.mark.parametrize("body", ["", "Pending", "null", "[]", '"held"'])
def test_a_gift_without_an_id_has_not_landed(crm: ServedVirtuous, body: str) -> None:
    crm.answer("getGiftByTransaction", 200, body, content_type="application/json")

    assert crm.client.gift(OUR_SOURCE, "1") is None


@pytest.mark.parametrize("body", ['{"id": 30001, "transactionId"', '[{"id": 30001'])
def test_a_gift_whose_answer_is_cut_off_is_asked_for_again(crm: ServedVirtuous, body: str) -> None:
    for _ in range(2):
        crm.answer("getGiftByTransaction", 200, body, content_type="application/json")

    with pytest.raises(RetryLater):
        crm.client.gift(OUR_SOURCE, "1")


def test_a_batch_accepted_with_a_plain_text_is_accepted(crm: ServedVirtuous) -> None:
    rule = answer_after(crm, "submitContactBatch", "Accepted")

    crm.client.submit_contacts(OUR_SOURCE, [ROW])

    assert (rule.fired, [held.row["referenceId"] for held in crm.world.store.rows]) == (1, ["9"])


def test_a_reference_attached_with_a_plain_text_is_attached(crm: ServedVirtuous) -> None:
    contact = crm.world.contact("1042")
    answer_after(crm, "addContactReference", "Attached")

    crm.client.add_reference(contact.contact_id, OUR_SOURCE, "99999")

    assert crm.client.contact(contact.contact_id).donor_references(OUR_SOURCE) == ("1042", "99999")
