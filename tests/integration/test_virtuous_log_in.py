"""Logging in to Virtuous by user name and password, as an API key spares most organisations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.clients.http import TimeLeft
from giftbridge.clients.virtuous_auth import PasswordGrant
from giftbridge.errors import BudgetSpent, GiftBridgeError, Misconfigured, RetryLater, UnknownOutcome
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_settings import VirtuousUser
from tests.integration.served_virtuous import ServedVirtuous, served_virtuous
from tests.simulators.virtuous_world import row

USER, PASSWORD = "sync@example.org", "p&ss wörd"


@pytest.fixture(scope="module")
def served() -> Iterator[ServedVirtuous]:
    with served_virtuous() as fresh:
        yield fresh


@pytest.fixture
def crm(served: ServedVirtuous) -> Iterator[ServedVirtuous]:
    served.start_anew()
    served.world.store.settings.users[USER] = VirtuousUser(PASSWORD)
    served.client = served.client_with(_grant(served))
    yield served
    assert served.kept_the_contract()


def _grant(crm: ServedVirtuous, password: str = PASSWORD, time_left: TimeLeft | None = None) -> PasswordGrant:
    return PasswordGrant(crm.url, USER, password, crm.session, time_left or TimeLeft(), crm.world.clock)


def test_one_log_in_serves_many_calls(crm: ServedVirtuous) -> None:
    for _ in range(3):
        crm.client.ping()
    assert crm.operations() == ["issueToken", *["getOrganization"] * 3]


def test_a_token_is_refreshed_shortly_before_it_expires(crm: ServedVirtuous) -> None:
    crm.world.store.settings.access_seconds = 3600
    crm.client.ping()
    crm.wait(minutes=54)
    crm.client.ping()
    assert crm.operations().count("issueToken") == 1
    for _ in range(3):
        crm.wait(minutes=56)
        crm.client.ping()
    assert crm.operations().count("issueToken") == 4
    assert {entry.status for entry in crm.world.simulator.log} == {200}


def test_a_token_of_a_minute_is_used_for_most_of_it(crm: ServedVirtuous) -> None:
    crm.world.store.settings.access_seconds = 60
    crm.client.ping()
    crm.wait(seconds=53)
    crm.client.ping()
    crm.wait(seconds=2)
    crm.client.ping()
    assert crm.operations().count("issueToken") == 2


def test_where_the_refresh_token_is_refused_the_password_is_given_again(crm: ServedVirtuous) -> None:
    crm.world.store.settings.refresh_seconds = 10
    crm.client.ping()
    crm.wait(days=15)
    crm.client.ping()
    assert [entry.status for entry in crm.world.simulator.log.of("issueToken")] == [200, 400, 200]


def test_a_token_that_was_taken_back_is_replaced_within_the_call(crm: ServedVirtuous) -> None:
    crm.client.ping()
    crm.world.store.tokens._access.clear()
    crm.client.submit_contacts(OUR_SOURCE, [{n: v for n, v in row("1").items() if n != "referenceSource"}])
    log = crm.world.simulator.log
    assert [entry.status for entry in log.of("submitContactBatch")] == [401, 200]
    crm.world.simulator.run_import()
    assert crm.client.contact_by_reference(OUR_SOURCE, "1") is not None
    assert crm.operations().count("issueToken") == 2


def test_after_forgetting_the_next_call_logs_in_anew(crm: ServedVirtuous) -> None:
    grant = _grant(crm)
    client = crm.client_with(grant)
    client.ping()
    grant.forget()
    client.ping()
    assert crm.operations() == ["issueToken", "getOrganization"] * 2


def test_a_second_401_is_misconfigured_after_one_new_log_in(crm: ServedVirtuous) -> None:
    crm.answer("getOrganization", 401, "denied", content_type="text/plain")
    with pytest.raises(Misconfigured):
        crm.client.ping()
    assert crm.operations() == ["issueToken", "getOrganization", "issueToken", "getOrganization"]


def test_a_second_factor_is_misconfigured_and_says_what_to_do(crm: ServedVirtuous) -> None:
    crm.world.store.settings.users[USER] = VirtuousUser(PASSWORD, otp="123456")
    with pytest.raises(Misconfigured, match="second factor: use an API key"):
        crm.client.ping()
    assert crm.operations() == ["issueToken"]


def test_a_wrong_password_is_misconfigured_and_not_shown(crm: ServedVirtuous) -> None:
    with pytest.raises(Misconfigured, match="user name and password") as refused:
        crm.client_with(_grant(crm, "secret-mistake")).ping()
    assert "secret-mistake" not in repr(refused.value.__dict__)


@pytest.mark.parametrize("status", [404, 405, 421])
def test_a_way_to_the_log_in_that_is_closed_for_a_while_is_no_refusal_of_the_password(
    crm: ServedVirtuous, status: int
) -> None:
    crm.answer("issueToken", status)
    with pytest.raises(RetryLater, match=str(status)):
        crm.client.ping()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, "", RetryLater),
        (520, "<html>", RetryLater),
        (429, "", BudgetSpent),
        (200, "<html>", RetryLater),
        (200, "{}", RetryLater),
        (200, '{"access_token": ""}', RetryLater),
    ],
)
def test_a_write_without_a_token_has_not_begun(
    crm: ServedVirtuous, status: int, body: str, error: type[GiftBridgeError]
) -> None:
    crm.answer("issueToken", status, body)
    with pytest.raises(error):
        crm.client.submit_contacts(OUR_SOURCE, [])
    assert set(crm.operations()) == {"issueToken"}


def test_a_lost_log_in_is_no_unknown_outcome_of_the_write(crm: ServedVirtuous) -> None:
    crm.world.simulator.faults.add(FaultRule(FaultKind.DROP_AFTER, "issueToken"))
    with pytest.raises(RetryLater):
        crm.client.submit_contacts(OUR_SOURCE, [])


def test_a_write_lost_after_the_new_log_in_has_an_unknown_outcome(crm: ServedVirtuous) -> None:
    crm.client.ping()
    crm.world.store.tokens._access.clear()
    crm.world.simulator.faults.add(FaultRule(FaultKind.DROP_AFTER, "submitContactBatch", nth=2))
    with pytest.raises(UnknownOutcome):
        crm.client.submit_contacts(OUR_SOURCE, [])


def test_a_token_without_a_lifetime_is_used_until_it_is_refused(crm: ServedVirtuous) -> None:
    crm.answer("issueToken", 200, '{"access_token": "virtuous-simulated"}', count=1)
    for _ in range(2):
        crm.client.ping()
        crm.wait(days=400)
    assert crm.operations().count("issueToken") == 1


def test_no_log_in_begins_without_time_for_it(crm: ServedVirtuous) -> None:
    with pytest.raises(BudgetSpent, match="no time left"):
        crm.client_with(_grant(crm, time_left=TimeLeft(1.5))).ping()
    crm.client.ping()
    assert crm.operations() == ["issueToken", "getOrganization"]
