"""`giftbridge settings` changes the settings version by version, and never saves what breaks a rule."""

from __future__ import annotations

import json
from pathlib import Path

from giftbridge.domain.settings import read_settings
from tests.command.desk import Desk


def test_set_takes_json_and_plain_text_and_saves_one_version(connected: Desk) -> None:
    saved = connected.json(
        "settings", "set", "aegis.warehouse_id=12", "aegis.currency=USD", "aegis.default_appeal_code=null",
        'aegis.payment_types={"ACH": "EFT"}', "aegis.payment_types.Check=Cheque", "retries.breaker_failures=7",
        "raisedonors.start_from=2026-01-01", "--note", "year's start",
    )  # fmt: skip

    settings = connected.bench.versions.current().settings
    assert saved["version"] == connected.bench.versions.current().number == 2
    assert (settings.aegis.warehouse_id, settings.aegis.currency, settings.retries.breaker_failures) == ("12", "USD", 7)
    assert settings.aegis.payment_types == {"ACH": "EFT", "Check": "Cheque"}
    assert {change["name"] for change in saved["changes"]} >= {"aegis.warehouse_id", "raisedonors.start_from"}
    newest = connected.json("settings", "history")["versions"][0]
    assert (newest["number"], newest["saved_by"], newest["note"]) == (2, "user/moto", "year's start")


BAD_VALUES: dict[tuple[str, ...], list[str]] = {
    ("aegis.on_several_matches=oldets",): ["aegis.on_several_matches", "oldest", "review", "'oldets'"],
    ("aegis.chanel=Web",): ["aegis.chanel: unknown setting"],
    ("retries.base_seconds=-1", "batch_at=25:00"): ["retries.base_seconds", "more than 0", "batch_at", "25:00"],
    ("time_zone=Mars/Base",): ["time_zone", "IANA"],
    ("aegis.channel.name=Web",): ["channel"],
    ("nonsense",): ["KEY=VALUE"],
}


def test_a_bad_value_names_field_and_allowed_values_and_saves_nothing(connected: Desk) -> None:
    for assignments, told in BAD_VALUES.items():
        answer = connected.run("settings", "set", "aegis.channel=Phone", *assignments)

        assert answer.code == 2, assignments
        for words in told:
            assert words in answer.err, assignments
        assert connected.bench.versions.current().number == 1, assignments


def test_a_bad_document_lists_every_problem_for_machines_too(connected: Desk, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"aegis": {"enabled": "yes", "codes": {"found": []}}, "limits": {"aegis_per_hour": 0}}')

    for verb in ("validate", "import"):
        answer = connected.run("settings", verb, str(file), "--json")
        assert answer.code == 2
        fields = {problem.partition(":")[0] for problem in answer.data["details"]}
        assert {"aegis.enabled", "limits.aegis_per_hour"} <= fields and len(answer.data["details"]) == 3
    assert connected.bench.versions.current().number == 1


def test_what_was_exported_can_be_imported_whole_and_in_part(connected: Desk, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    connected.run("settings", "set", 'aegis.payment_types={"ACH": "EFT", "Check": "Cheque"}')
    exported = connected.json("settings", "export", str(file))
    assert json.loads(connected.run("settings", "export").out) == json.loads(file.read_text())

    again = connected.json("settings", "import", str(file))
    part = connected.run("settings", "import", "-", "--json", input='{"aegis": {"payment_types": {"ACH": "EFT"}}}')

    settings = connected.bench.versions.current().settings
    assert exported["version"] == 2 and again == {"version": 2, "saved": False, "changes": []}
    assert part.data["changes"] == [
        {"name": "aegis.payment_types", "before": {"ACH": "EFT", "Check": "Cheque"}, "after": {"ACH": "EFT"}}
    ]
    assert settings.aegis.channel == "Web" and settings.aegis.origin_source == "WEB"


def test_versions_can_be_compared_and_gone_back_to(connected: Desk) -> None:
    connected.run("settings", "set", "aegis.channel=Phone")

    difference = connected.json("settings", "diff", "1")["changes"]
    back = connected.json("settings", "rollback", "1")

    assert difference == [{"name": "aegis.channel", "before": "Web", "after": "Phone"}]
    assert back["version"] == 3
    assert connected.json("settings", "diff", "1", "3")["changes"] == []
    assert connected.bench.versions.current().note == "back to version 1"
    for verb in ("diff", "rollback"):
        assert connected.run("settings", verb, "9").code == 2


def test_show_and_describe_tell_every_setting(connected: Desk) -> None:
    shown = connected.json("settings", "show")
    described = {field["name"]: field for field in connected.json("settings", "describe")["settings"]}

    assert shown["version"] == 1 and shown["document"]["aegis"]["channel"] == "Web"
    assert connected.json("settings", "show", "--defaults")["document"] == read_settings({}).model_dump(mode="json")
    assert described["aegis.on_lost_pledge"]["takes"] == "one of recreate, send_without_pledge, fail"
    assert described["limits.aegis_per_hour"]["takes"] == "null or a whole number at least 1"
    assert all(field["description"] for field in described.values())
    assert (
        "Currency" in connected.run("settings", "describe").out or "currency" in connected.run("settings", "show").out
    )


def test_unreadable_files_are_wrong_usage(connected: Desk, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "torn.json").write_text("{")

    for file in ("list.json", "torn.json", "missing.json"):
        assert connected.run("settings", "import", str(tmp_path / file)).code == 2
    assert connected.run("settings", "export", str(tmp_path / "no" / "folder")).code == 2


def test_live_validation_gives_a_verdict_on_every_code(connected: Desk) -> None:
    aegis = connected.bench.aegis.store
    aegis.settings.lookups_not_offered = {"Warehouse"}
    connected.run("settings", "set", "aegis.default_appeal_code=NOSUCH")

    answer = connected.run("settings", "validate", "--live", "--json")

    verdicts = {(code["where"], code["code"]): code for code in answer.data["codes"]}
    assert answer.code == 1
    assert verdicts["setting aegis.origin_source", "WEB"]["verdict"] == "active"
    assert verdicts["setting aegis.warehouse_id", "WH1"]["verdict"] == "not offered"
    wrong = verdicts["setting aegis.default_appeal_code", "NOSUCH"]
    assert wrong["verdict"] == "missing" and "correct the setting aegis.default_appeal_code" in wrong["remedy"]
    funds = {code["code"]: code["verdict"] for code in answer.data["codes"] if code["kind"] == "fund"}
    assert funds["GEN"] == "active" and "missing" in funds.values() and funds[""] == "no code"
    assert answer.data["refused"] == sum(not code["good"] for code in answer.data["codes"]) == 2
    assert not any(operation.startswith(("create", "save")) for operation in connected.bench.calls())


def test_live_validation_is_clean_when_aegis_knows_every_code(connected: Desk, tmp_path: Path) -> None:
    for project in connected.bench.population.project_ids:
        if project is not None and project not in connected.bench.aegis.store.codes["Fund"]:
            connected.bench.aegis.store.add_code("Fund", project)
    file = tmp_path / "part.json"
    file.write_text('{"aegis": {"channel": "Mail"}}')

    answer = connected.run("settings", "validate", str(file), "--live")

    assert answer.code == 0, answer.out
    assert "Mail" in answer.out and "Aegis knows every code that is needed." in answer.out


def test_live_validation_needs_a_connection_to_aegis(at: Desk) -> None:
    assert at.run("settings", "validate").code == 0
    answer = at.run("settings", "validate", "--live")
    assert answer.code == 1 and "giftbridge connect aegis --stack-name ours" in answer.err
