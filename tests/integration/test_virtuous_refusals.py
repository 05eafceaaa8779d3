"""What the Virtuous client makes of answers that say no, in each of their shapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from giftbridge.clients.http import BearerToken
from giftbridge.errors import (
    BudgetSpent,
    GiftBridgeError,
    Misconfigured,
    RecordMissing,
    Rejected,
    RetryLater,
    UnknownOutcome,
)
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.integration.served_virtuous import ServedVirtuous, served_virtuous

ROW = {"referenceId": "1", "contactType": "Household", "firstName": "Imani", "lastName": "Vance"}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedVirtuous]:
    with served_virtuous() as fresh:
        yield fresh


@pytest.fixture
def crm(served: ServedVirtuous) -> Iterator[ServedVirtuous]:
    served.start_anew()
    yield served
    assert served.kept_the_contract()


def test_a_wrong_credential_is_misconfigured_whatever_shape_the_answer_has(crm: ServedVirtuous) -> None:
    stranger = crm.client_with(BearerToken("other"))
    for _ in range(2):
        with pytest.raises(Misconfigured, match="401"):
            stranger.ping()


def test_a_missing_permission_is_misconfigured_too(crm: ServedVirtuous) -> None:
    crm.world.store.settings.forbidden_operations.add("submitContactBatch")
    with pytest.raises(Misconfigured, match="403"):
        crm.client.submit_contacts(OUR_SOURCE, [ROW])


def test_a_429_says_until_when(crm: ServedVirtuous) -> None:
    crm.answer("getOrganization", 429, "", headers={"Retry-After": "90"})
    with pytest.raises(BudgetSpent) as spent:
        crm.client.ping()
    assert spent.value.not_before == crm.world.clock() + timedelta(seconds=90)


@pytest.mark.parametrize("status", [408, 500, 503, 520])
def test_a_passing_error_is_retried_on_a_read_and_unknown_on_a_write(crm: ServedVirtuous, status: int) -> None:
    crm.answer("*", status, "<html>origin error</html>")
    with pytest.raises(RetryLater):
        crm.client.contact(1)
    assert crm.operations() == ["getContact", "getContact"]
    with pytest.raises(UnknownOutcome):
        crm.client.submit_contacts(OUR_SOURCE, [ROW])
    assert crm.operations().count("submitContactBatch") == 1


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ('{"message": "No.", "modelState": {"model.city": ["Too long.", "Bad."]}}', "model.city", "Too long.; Bad."),
        ('{"Message": "No.", "ModelState": {"model.city": ["Bad."]}}', "model.city", "Bad."),
        ('{"message": "No.", "modelState": {}}', "", "No."),
        ('{"error": {"code": "INVALID", "message": "No.", "details": [{"field": "city", "message": "Bad."}]}}',
         "city", "Bad."),
        ('{"error": {"code": "INVALID", "message": "No.", "details": null}}', "", "No."),
        ('{"error": {"code": "INVALID"}}', "", "INVALID"),
        ('{"error": {"details": [1, {"field": "a", "code": "X"}, {"field": "a", "message": "Y"}]}}', "a", "X; Y"),
        ("[]", None, "submitContactBatch was refused with 400"),
        ('"no"', "", "no"),
    ],
)  # fmt: skip
def test_a_refusal_is_understood_in_every_shape(crm: ServedVirtuous, body: str, field: str | None, text: str) -> None:
    crm.answer("submitContactBatch", 400, body)
    with pytest.raises(Rejected) as refused:
        crm.client.submit_contacts(OUR_SOURCE, [ROW])
    assert (refused.value.field, refused.value.text, refused.value.status) == (field, text, 400)


@pytest.mark.parametrize("body", ["no", "<html>Bad Request</html>", ""])
def test_a_refusal_that_is_not_written_by_virtuous_itself_says_nothing_of_the_row(
    crm: ServedVirtuous, body: str
) -> None:
    crm.answer("submitContactBatch", 400, body)
    with pytest.raises(UnknownOutcome, match="400"):
        crm.client.submit_contacts(OUR_SOURCE, [ROW])


@pytest.mark.parametrize("prefix", ["X-RateLimit", "X-Rate-Limit", ""])
def test_the_headers_of_every_answer_are_observed(crm: ServedVirtuous, prefix: str) -> None:
    crm.world.store.settings.rate_headers = prefix
    crm.world.store.settings.calls_per_hour = 4
    outcomes: list[type[GiftBridgeError] | None] = []
    for _ in range(2):
        try:
            crm.client.contact(99)
        except GiftBridgeError as error:
            outcomes.append(type(error))
    with pytest.raises(BudgetSpent) as spent:
        crm.client.ping()
    assert outcomes == [RecordMissing, RecordMissing]
    assert spent.value.not_before is not None
    told = [headers.get(f"{prefix}-Remaining") for headers in crm.headers]
    # A contact that is not there is believed beside a harmless read.
    assert told == (["3", "2", "1", "0", "0"] if prefix else [None] * 5)


def test_a_creation_that_names_no_id_has_an_unknown_outcome(crm: ServedVirtuous) -> None:
    for operation, create in (
        ("createProject", lambda: crm.client.create_project({"name": "Wells"})),
        ("createWebhook", lambda: crm.client.create_webhook({"payloadUrl": "https://hooks.example.org/in"})),
    ):
        crm.answer(operation, 200, '{"id": null}')
        with pytest.raises(UnknownOutcome):
            create()
