"""`giftbridge connect` stores credentials only when they work, and starts the product once both systems are there."""

from __future__ import annotations

import json

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from tests.command.desk import AEGIS_URL, RAISEDONORS_URL, RULES, Answer, Desk, make_twin


def _aegis(at: Desk, **other: str) -> dict[str, str]:
    sim = at.bench.aegis
    return {"url": AEGIS_URL, "context": sim.context, "username": sim.username, "password": sim.password, **other}


def _connect(at: Desk, system: str, values: dict[str, str], *more: str) -> Answer:
    return at.run("connect", system, "--from-stdin", "--json", *more, input=json.dumps(values))


def _rule_states(at: Desk) -> set[str]:
    return {at.events.describe_rule(Name=rule)["State"] for rule in RULES.values()}


def test_connecting_both_switches_the_product_on(at: Desk) -> None:
    at.bench.settings(aegis={"enabled": False})
    first = _connect(at, "raisedonors", {"url": f"{RAISEDONORS_URL}/", "token": at.bench.raisedonors.token})
    assert (first.code, first.data["missing"], _rule_states(at)) == (0, ["aegis"], {"DISABLED"})
    assert first.data["next_command"] == "giftbridge connect aegis --stack-name ours"

    second = _connect(at, "aegis", _aegis(at))

    assert second.code == 0
    made = first.data["webhook"]["token"]
    assert at.secret("raisedonors") == {
        "url": RAISEDONORS_URL,
        "token": at.bench.raisedonors.token,
        "webhook_token": made,
    }
    assert at.secret("aegis") == _aegis(at)
    version = at.bench.versions.current()
    assert version.settings.aegis.enabled and version.note == "Aegis connected"
    assert second.data["settings_version"] == version.number
    assert set(second.data["schedules_on"]) == set(RULES) and _rule_states(at) == {"ENABLED"}
    assert second.data["next_command"] == "giftbridge settings validate --live --stack-name ours"
    at.bench.clock.advance(61)
    assert at.run("status").code == 0


def test_the_other_way_round_works_too(at: Desk) -> None:
    _connect(at, "aegis", _aegis(at))
    _connect(at, "raisedonors", {"url": RAISEDONORS_URL, "token": at.bench.raisedonors.token})

    assert _rule_states(at) == {"ENABLED"}


def test_deliveries_can_be_left_off_for_a_preview_first(at: Desk) -> None:
    at.bench.settings(aegis={"enabled": False})
    _connect(at, "raisedonors", {"url": RAISEDONORS_URL, "token": at.bench.raisedonors.token})

    answer = _connect(at, "aegis", _aegis(at), "--no-enable")

    assert not at.bench.versions.current().settings.aegis.enabled
    assert answer.data["next_command"] == "giftbridge pickup run --preview --stack-name ours"


def test_a_person_is_asked_and_never_shown_the_secret(at: Desk) -> None:
    token = at.bench.raisedonors.token

    answer = at.run("connect", "raisedonors", input=f"{RAISEDONORS_URL}\n{token}\n")

    assert answer.code == 0
    assert at.secret("raisedonors")["token"] == token
    assert "RaiseDonors is connected." in answer.out and "Next: giftbridge connect aegis" in answer.out
    assert token not in answer.out + answer.err


def test_connecting_raisedonors_says_where_its_webhook_goes_and_shows_the_token_to_no_pipe(at: Desk) -> None:
    answer = at.run("connect", "raisedonors", input=f"{RAISEDONORS_URL}\n{at.bench.raisedonors.token}\n")

    made = at.secret("raisedonors")["webhook_token"]
    assert len(made) >= 40
    assert "https://api.test/webhooks/raisedonors" in answer.out
    assert made not in answer.out + answer.err
    again = _connect(at, "raisedonors", {"url": RAISEDONORS_URL, "token": at.bench.raisedonors.token})
    assert again.data["webhook"] == {"url": "https://api.test/webhooks/raisedonors", "token": made}
    assert at.secret("raisedonors")["webhook_token"] == made


def test_the_environment_answers_beforehand(at: Desk) -> None:
    values = _aegis(at)
    environment = {f"GIFTBRIDGE_AEGIS_{name.upper()}": value for name, value in values.items()}

    assert at.run("connect", "aegis", "--json", env=environment).code == 0
    assert at.secret("aegis") == values
    assert at.run("connect", "raisedonors", "--json").code == 2


def test_what_was_stored_is_offered_again_but_no_secret(connected: Desk) -> None:
    connected.bench.raisedonors.token = "rotated"
    held = json.dumps({**connected.secret("raisedonors"), "webhook_token": "kept"})
    connected.secrets.put_secret_value(
        SecretId=connected.stack.credentials.secret_ids["raisedonors"], SecretString=held
    )

    answer = connected.run("connect", "raisedonors", input="\nrotated\n")

    assert answer.code == 0 and RAISEDONORS_URL in answer.err
    assert connected.secret("raisedonors") == {"url": RAISEDONORS_URL, "token": "rotated", "webhook_token": "kept"}


def test_what_does_not_work_is_explained_and_nothing_is_stored(connected: Desk) -> None:
    before = connected.secret("aegis")
    cases: list[tuple[dict[str, str], int, str]] = [
        ({"password": "wrong"}, 1, "does not accept the credentials (401)"),
        ({"context": "another"}, 1, "does not accept the credentials (401)"),
        ({"url": "https://127.0.0.1:9"}, 3, "Aegis cannot be reached at 127.0.0.1:9"),
        ({"url": "http://aegis.example"}, 2, "https://"),
        ({"url": "aegis.example"}, 2, "is no address"),
        ({"password": " "}, 2, "needs password too"),
        ({"pasword": "x"}, 2, "pasword: unknown"),
    ]

    for other, code, told in cases:
        answer = _connect(connected, "aegis", _aegis(connected, **other))

        assert answer.code == code, other
        assert told in answer.data["error"] + " ".join(answer.data["details"])
        assert connected.secret("aegis") == before, other
    assert connected.bench.versions.current().number == 1


def test_odd_answers_are_explained(at: Desk) -> None:
    cases: list[tuple[int, str | None, int, str]] = [
        (403, None, 1, "not allowed to use the API (403)"),
        (302, None, 1, "redirect (302)"),
        (404, None, 1, "no such service at this address (404)"),
        (500, None, 3, "Aegis answered with 500"),
        (200, "<html>Welcome</html>", 1, "not Aegis's API"),
    ]

    for status, body, code, told in cases:
        at.bench.aegis.faults.clear()
        at.bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, status=status, body=body))
        answer = _connect(at, "aegis", _aegis(at))

        assert answer.code == code, status
        assert told in answer.data["error"]
        assert at.secret("aegis") == {}, status


def test_an_aegis_without_the_donor_id_field_is_no_wrong_address(at: Desk) -> None:
    at.bench.aegis.store.custom_data_fields.clear()

    assert _connect(at, "aegis", _aegis(at)).code == 0
    assert at.bench.calls() == ["searchPartners"]


def test_an_address_that_speaks_no_tls_is_explained(at: Desk) -> None:
    with SimulatorServer(RaiseDonorsSimulator()) as server:
        url = server.url.replace("http://", "https://")

        answer = _connect(at, "raisedonors", {"url": url, "token": "any"})

    assert answer.code == 3
    assert "The certificate of 127.0.0.1" in answer.data["error"]


def test_credentials_that_another_stack_uses_are_a_warning(connected: Desk) -> None:
    make_twin(connected, "aegis")

    answer = _connect(connected, "aegis", _aegis(connected))

    assert answer.code == 0
    assert answer.data["used_by_other_stacks"] == ["theirs"]
    assert _connect(connected, "raisedonors", connected.secret("raisedonors")).data["used_by_other_stacks"] == []


def test_standard_input_that_is_no_json_is_not_repeated(at: Desk) -> None:
    answer = at.run("connect", "aegis", "--from-stdin", input="secret words")

    assert answer.code == 2
    assert "secret words" not in answer.out + answer.err
