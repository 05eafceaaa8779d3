"""`giftbridge connect virtuous` tries the credentials, registers the webhook and switches Virtuous on."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_settings import VirtuousUser
from tests.command.desk import AEGIS_URL, BATCH_SCHEDULE, RAISEDONORS_URL, RULES, VIRTUOUS_URL, Answer, Desk

WEBHOOK_URL = "https://api.test/webhooks/virtuous"
USER = {"url": VIRTUOUS_URL, "username": "sync@bridge.example", "password": "right"}


@pytest.fixture
def at(unconnected: Desk) -> Desk:
    """RaiseDonors is connected, Virtuous knows a user."""
    unconnected.put_secret("raisedonors", {"url": RAISEDONORS_URL, "token": unconnected.bench.raisedonors.token})
    unconnected.both.virtuous.store.settings.users[USER["username"]] = VirtuousUser(USER["password"])
    unconnected.bench.clock.advance(61)
    return unconnected


def key(at: Desk, **other: str) -> dict[str, str]:
    return {"url": VIRTUOUS_URL, "api_key": at.both.virtuous.api_key, **other}


def connect(at: Desk, values: dict[str, str], *more: str) -> Answer:
    return at.run("connect", "virtuous", "--from-stdin", "--json", *more, input=json.dumps(values))


def told(answer: Answer) -> str:
    return " ".join([answer.data["error"], *answer.data["details"]])


def subscriptions(at: Desk) -> dict[int, dict[str, Any]]:
    return {number: one.members for number, one in at.both.virtuous.store.outbox.subscriptions.items()}


def on_toggles(members: dict[str, Any]) -> set[str]:
    return {name for name, value in members.items() if value is True}


def test_connecting_registers_the_webhook_and_switches_virtuous_on(at: Desk) -> None:
    answer = connect(at, key(at))

    assert answer.code == 0, answer
    [(number, members)] = subscriptions(at).items()
    secret = at.secret("virtuous")
    assert members["payloadUrl"] == WEBHOOK_URL and members["secret"] == secret["webhook_secret"]
    assert on_toggles(members) == {"contactCreate", "contactUpdate", "giftCreate", "giftUpdate", "active"}
    assert secret == {**key(at), "webhook_id": number, "webhook_secret": secret["webhook_secret"]}
    assert len(secret["webhook_secret"]) >= 40 and secret["webhook_secret"] not in answer.out + answer.err
    assert answer.data["webhook"] == {"url": WEBHOOK_URL, "id": number, "became": "made"}
    version = at.bench.versions.current()
    assert version.settings.virtuous.enabled and version.note == "Virtuous connected"
    assert answer.data["missing"] == [] and set(answer.data["schedules_on"]) == {*RULES, "DailyBatchSchedule"}
    assert at.stack.client("scheduler").get_schedule(Name=BATCH_SCHEDULE)["State"] == "ENABLED"
    assert {at.events.describe_rule(Name=rule)["State"] for rule in RULES.values()} == {"ENABLED"}
    assert answer.data["next_command"] == "giftbridge settings validate --live --stack-name ours"


def test_until_raisedonors_is_connected_the_schedules_stay_off(unconnected: Desk) -> None:
    answer = connect(unconnected, key(unconnected))

    assert (answer.code, answer.data["missing"], answer.data["schedules_on"]) == (0, ["raisedonors"], [])


def test_a_user_name_and_password_do_as_well_as_a_key(at: Desk) -> None:
    connect(at, key(at))

    answer = connect(at, USER)

    assert answer.code == 0, answer
    secret = at.secret("virtuous")
    assert {name: secret[name] for name in USER} == USER
    assert "api_key" not in secret, "an old key would win"
    assert answer.data["webhook"]["became"] == "as it was" and len(subscriptions(at)) == 1


def test_a_person_is_asked_for_a_key_or_a_user_and_for_what_is_kept_the_same(at: Desk) -> None:
    answer = at.run("connect", "virtuous", input=f"{VIRTUOUS_URL}\n\nsync@bridge.example\nright\ngifts, contacts\n")

    assert answer.code == 0, answer
    assert "https://api.virtuoussoftware.com" in answer.err, "the usual address is offered"
    assert "without two-factor" in answer.err and "single sign-on" in answer.err
    assert "right" not in answer.out + answer.err
    virtuous = at.bench.versions.current().settings.virtuous
    assert (virtuous.sync_gifts, virtuous.sync_contacts, virtuous.sync_projects) == (True, True, False)
    assert f"({WEBHOOK_URL}, subscription" in answer.out


def test_the_environment_and_options_answer_beforehand(at: Desk) -> None:
    environment = {
        "GIFTBRIDGE_VIRTUOUS_URL": VIRTUOUS_URL,
        "GIFTBRIDGE_VIRTUOUS_API_KEY": at.both.virtuous.api_key,
        "GIFTBRIDGE_VIRTUOUS_SYNC": "projects",
    }

    answer = at.run("connect", "virtuous", "--json", "--no-enable", env=environment)

    assert answer.code == 0, answer
    virtuous = at.bench.versions.current().settings.virtuous
    assert not virtuous.enabled and virtuous.sync_projects and not virtuous.sync_gifts
    assert answer.data["next_command"] == "giftbridge pickup run --preview --stack-name ours"
    assert at.run("connect", "virtuous", "--json").code == 2
    assert connect(at, key(at), "--sync", "none").code == 0
    assert not at.bench.versions.current().settings.virtuous.sync_projects


def test_what_does_not_work_is_explained_and_nothing_is_stored(at: Desk) -> None:
    users = at.both.virtuous.store.settings.users
    users["factor@bridge.example"] = VirtuousUser("right", otp="123456")
    cases: list[tuple[dict[str, str], int, str]] = [
        (key(at, api_key="wrong"), 1, "does not accept the API key (401)"),
        ({**USER, "password": "wrong"}, 1, "refuses this user name and password (400)"),
        ({**USER, "password": "wrong"}, 1, "single sign-on"),
        ({**USER, "username": "factor@bridge.example"}, 1, "Turn two-factor off for this user"),
        ({**USER, "url": "https://127.0.0.1:9"}, 3, "Virtuous cannot be reached at 127.0.0.1:9"),
        ({"url": VIRTUOUS_URL}, 2, "needs api_key or username and password too"),
        ({**USER, "api_key": "both"}, 2, "not both"),
        (key(at, api_key="k\u00e9y"), 2, "no token has"),
    ]

    for values, code, words in cases:
        answer = connect(at, values)

        assert answer.code == code, (values, answer)
        assert words in told(answer), values
        assert at.secret("virtuous") == {} and subscriptions(at) == {}
    assert not at.bench.versions.current().settings.virtuous.enabled


def test_without_an_address_the_usual_one_is_tried(at: Desk) -> None:
    session = at.stack.new_session

    def to_the_simulator() -> Any:
        made = session()
        made.mount("https://api.virtuoussoftware.com", at.bench.adapters["virtuous"])
        return made

    at.stack = dataclasses.replace(at.stack, new_session=to_the_simulator)

    assert connect(at, {"api_key": at.both.virtuous.api_key}).code == 0
    assert at.secret("virtuous")["url"] == "https://api.virtuoussoftware.com"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("queryFullContacts", "not allowed to query contacts: queryFullContacts (403)"),
        ("getProjectByCode", "not allowed to look projects up: getProjectByCode (403)"),
        ("createWebhook", "not allowed to create webhooks: createWebhook (403)"),
    ],
)
def test_a_missing_permission_is_named_and_nothing_is_stored(at: Desk, operation: str, words: str) -> None:
    at.both.virtuous.store.settings.forbidden_operations.add(operation)

    answer = connect(at, key(at))

    assert answer.code == 1 and words in told(answer)
    assert at.secret("virtuous") == {} and not at.bench.versions.current().settings.virtuous.enabled


def test_the_secret_is_stored_before_the_webhook_can_be_sent(at: Desk) -> None:
    stored: list[dict[str, Any]] = []

    def look(request: Any, send: Any) -> Any:
        if request.method == "POST" and request.path_url.endswith("/api/Webhook"):
            stored.append(at.secret("virtuous"))
        return send()

    at.bench.adapters["virtuous"].around = look
    connect(at, key(at))

    [then] = stored
    assert then["webhook_secret"] == at.secret("virtuous")["webhook_secret"] and "webhook_id" not in then


def test_after_a_lost_answer_a_second_subscription_is_harmless_and_told_of(at: Desk) -> None:
    at.both.virtuous.faults.add(FaultRule(FaultKind.DROP_AFTER, "createWebhook", count=1))

    lost = connect(at, key(at))
    stored = at.secret("virtuous")
    shown = at.run("connect", "virtuous", "--from-stdin", input=json.dumps(key(at)))

    assert (lost.code, lost.data["webhook"]) == (1, {"url": WEBHOOK_URL, "id": None, "became": "unknown"})
    assert "webhook_id" not in stored and len(subscriptions(at)) == 2
    assert shown.code == 0 and at.secret("virtuous")["webhook_id"] in subscriptions(at)
    secrets = {members["secret"] for members in subscriptions(at).values()}
    assert secrets == {stored["webhook_secret"]} == {at.secret("virtuous")["webhook_secret"]}


def test_a_lost_answer_is_told_to_people(at: Desk) -> None:
    at.both.virtuous.faults.add(FaultRule(FaultKind.DROP_AFTER, "createWebhook", count=1))

    answer = at.run("connect", "virtuous", "--from-stdin", input=json.dumps(key(at)))

    assert answer.code == 1
    assert "Two subscriptions may then exist" in answer.out and "harmless" in answer.out


def test_a_webhook_that_differs_is_put_right_and_keeps_its_other_toggles(at: Desk) -> None:
    connect(at, key(at))
    [(number, members)] = subscriptions(at).items()
    members |= {"contactUpdate": False, "active": False, "projectUpdate": True}

    answer = connect(at, key(at))

    assert answer.data["webhook"] == {"url": WEBHOOK_URL, "id": number, "became": "changed"}
    wanted = {"contactCreate", "contactUpdate", "giftCreate", "giftUpdate", "active", "projectUpdate"}
    assert on_toggles(subscriptions(at)[number]) == wanted


def test_a_webhook_that_somebody_deleted_is_made_anew_with_the_same_secret(at: Desk) -> None:
    connect(at, key(at))
    before = at.secret("virtuous")
    at.both.virtuous.store.outbox.subscriptions.clear()

    assert connect(at, key(at)).data["webhook"]["became"] == "made"

    after = at.secret("virtuous")
    assert after["webhook_secret"] == before["webhook_secret"] and list(subscriptions(at)) == [after["webhook_id"]]


def test_a_new_secret_is_accepted_beside_the_one_before_until_the_next_connect(at: Desk) -> None:
    connect(at, key(at))
    before = at.secret("virtuous")

    answer = connect(at, key(at), "--rotate")

    rotated = at.secret("virtuous")
    assert answer.data["webhook"]["became"] == "given a new secret"
    assert rotated["webhook_secret_before"] == before["webhook_secret"] != rotated["webhook_secret"]
    assert subscriptions(at)[before["webhook_id"]]["secret"] == rotated["webhook_secret"]
    connect(at, key(at))
    assert at.secret("virtuous") == {n: v for n, v in rotated.items() if n != "webhook_secret_before"}


def test_a_rotation_that_was_lost_keeps_the_secret_that_virtuous_may_still_sign_with(at: Desk) -> None:
    connect(at, key(at))
    first = at.secret("virtuous")["webhook_secret"]
    at.both.virtuous.faults.add(FaultRule(FaultKind.DROP_BEFORE, "replaceWebhook", count=1))

    lost = connect(at, key(at), "--rotate")
    between = at.secret("virtuous")
    again = connect(at, key(at), "--rotate")

    assert (lost.code, lost.data["webhook"]["became"]) == (1, "unknown")
    assert between["webhook_secret_before"] == first
    assert again.code == 0 and at.secret("virtuous")["webhook_secret_before"] == first


def test_a_rotation_that_is_refused_leaves_all_as_it_was(at: Desk) -> None:
    connect(at, key(at))
    before = at.secret("virtuous")
    at.both.virtuous.store.settings.forbidden_operations.add("replaceWebhook")

    answer = connect(at, key(at), "--rotate")

    assert answer.code == 1 and "replaceWebhook (403)" in answer.data["error"]
    assert at.secret("virtuous") == before


def test_a_local_stack_registers_no_webhook_unless_asked_to(at: Desk) -> None:
    at.stack = dataclasses.replace(at.stack, is_local=True, hint="--local http://127.0.0.1:8080")

    quiet = connect(at, key(at))
    assert "webhook" not in quiet.data and subscriptions(at) == {}

    asked = connect(at, key(at), "--webhook")
    assert asked.data["webhook"]["url"] == "http://127.0.0.1:8080/webhooks/virtuous"
    assert quiet.data["schedules_on"] == []


def test_without_a_webhook_the_person_is_told_what_that_means(at: Desk) -> None:
    answer = at.run("connect", "virtuous", "--from-stdin", "--no-webhook", input=json.dumps(key(at)))

    assert answer.code == 0 and "within an hour" in answer.out
    assert at.secret("virtuous") == key(at)


def test_options_that_make_no_sense_are_wrong_usage(at: Desk) -> None:
    assert connect(at, key(at), "--rotate", "--no-webhook").code == 2
    assert connect(at, key(at), "--sync", "gits").code == 2
    aegis = json.dumps({"url": AEGIS_URL})
    assert at.run("connect", "aegis", "--from-stdin", "--rotate", input=aegis).code == 2
    outputs = {name: value for name, value in at.stack.outputs.items() if name != "VirtuousWebhookUrl"}
    at.stack = dataclasses.replace(at.stack, outputs=outputs)
    answer = connect(at, key(at))
    assert answer.code == 2 and "--no-webhook" in told(answer)
