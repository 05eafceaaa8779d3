"""Virtuous lets in whom its contract lets in, counts the hour's calls, and says so in its headers."""

import pytest

from ops.simulators.json_text import read_json
from ops.simulators.virtuous_settings import VirtuousUser
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld, row


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def test_an_api_key_is_let_in_and_anything_else_is_not(world: VirtuousWorld) -> None:
    assert world.get("Organization").status == 200
    for wrong in ("Bearer other", "Basic dTpw", ""):
        kinds = set()
        for _ in range(2):
            answer = world.simulator.exchange("GET", "/api/Organization", {"Authorization": wrong} if wrong else {})
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            kinds.add(str(answer.content_type).partition(";")[0])
        assert kinds == {"application/json", "text/plain"}
    assert world.violations(of="answer") == []


def test_a_token_is_good_until_it_expires_and_is_refreshed_once(world: VirtuousWorld, clock: Clock) -> None:
    world.store.settings.users["sync@example.org"] = VirtuousUser("pass")
    first = read_json(world.log_in(grant_type="password", username="sync@example.org", password="pass").body)
    world.headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert (world.get("Organization").status, first["twoFactorEnabled"]) == (200, "False")
    clock.move(first["expires_in"])
    assert world.get("Organization").status == 401
    renewal = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = read_json(world.log_in(**renewal).body)
    world.headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert world.get("Organization").status == 200
    assert world.log_in(**renewal).status == 400
    assert world.violations() == []


def test_a_second_factor_is_asked_for_and_taken_in_the_form(world: VirtuousWorld) -> None:
    world.store.settings.users["dana@example.org"] = VirtuousUser("pass", otp="123456")
    form = {"grant_type": "password", "username": "dana@example.org", "password": "pass"}
    waiting = world.log_in(**form)
    assert (waiting.status, read_json(waiting.body)["error"]) == (202, "awaiting_verification")
    assert world.log_in(**form, otp="000000").status == 400
    granted = world.log_in(**form, otp="123456")
    assert (granted.status, read_json(granted.body)["twoFactorEnabled"]) == (200, "True")
    assert world.violations() == []


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "username": "nobody", "password": "x"},
        {"grant_type": "password"},
        {"grant_type": "refresh_token", "refresh_token": "made-up"},
    ],
)
def test_a_grant_that_is_refused_says_so_in_its_own_shape(world: VirtuousWorld, form: dict[str, str]) -> None:
    answer = world.log_in(**form)
    assert (answer.status, read_json(answer.body)["error"]) == (400, "invalid_grant")
    assert world.violations() == []


def test_a_json_log_in_is_refused(world: VirtuousWorld) -> None:
    answer = world.simulator.exchange("POST", "/Token", {"Content-Type": "application/json"}, b"{}")
    assert read_json(answer.body)["error"] == "invalid_request"


def test_the_hours_calls_are_counted_down_and_then_refused(world: VirtuousWorld, clock: Clock) -> None:
    world.store.settings.calls_per_hour = 3
    left = [world.get("Organization").headers["X-RateLimit-Remaining"] for _ in range(2)]
    world.store.budget.spend(1)
    refused = world.send("POST", "Contact/Transaction", row())
    assert (left, refused.status, refused.headers["X-RateLimit-Remaining"]) == (["2", "1"], 429, "0")
    assert int(refused.headers["X-RateLimit-Reset"]) == int(clock().timestamp()) + int(refused.headers["Retry-After"])
    assert not world.store.rows
    clock.move(float(refused.headers["Retry-After"]))
    assert world.get("Organization").status == 200
    assert world.violations() == []


@pytest.mark.parametrize("prefix", ["X-Rate-Limit", ""])
def test_the_headers_may_be_spelled_otherwise_or_be_missing(world: VirtuousWorld, prefix: str) -> None:
    world.store.settings.rate_headers = prefix
    headers = world.get("Organization").headers
    assert (f"{prefix}-Remaining" in headers) == bool(prefix)
    assert "X-RateLimit-Limit" not in headers


def test_a_credential_may_lack_a_permission(world: VirtuousWorld) -> None:
    world.store.settings.forbidden_operations.add("createWebhook")
    answer = world.send("POST", "Webhook", {"payloadUrl": "https://hooks.example.org"})
    assert (answer.status, read_json(answer.body)["error"]["code"]) == (403, "FORBIDDEN")
    assert world.violations() == []


def test_json_comes_in_one_line_and_in_many(world: VirtuousWorld) -> None:
    contact_id = world.contact().contact_id
    bodies = [world.get(f"Contact/{contact_id}").body for _ in range(2)]
    assert sorted(b"\r\n" in body for body in bodies) == [False, True]
    assert read_json(bodies[0]) == read_json(bodies[1])


def test_member_names_are_taken_without_regard_to_case_and_strange_ones_fall_away(world: VirtuousWorld) -> None:
    shouted = {name.upper(): value for name, value in row(shoe="9").items()}
    assert world.send("POST", "Contact/Transaction", shouted).status == 200
    (held,) = world.store.rows
    assert (held.row["firstName"], held.identity) == ("Imani", "1042")
    assert world.store.dropped_members == ["model.SHOE"]
    assert "model.FIRSTNAME" in world.store.misspelled_members
