"""The settings document: fixed names and defaults, and clear words for every mistake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from giftbridge.domain.settings import Settings, read_settings
from giftbridge.errors import InvalidSettings, SettingsProblem

FIXED: dict[str, Any] = json.loads("""
{"time_zone": "UTC", "batch_at": "22:00",
 "aegis": {"enabled": false, "currency": null, "origin_source": null, "donor_id_field": "RaiseDonors.Donor.Id", "reconciliation_query_id": null,
   "payment_types": {}, "frequency_substitutes": {}, "mirror_pledge_id": true, "batch_category": "", "batch_type": "Web", "channel": "Web", "recorded_by": "RaiseDonors", "payment_status": "Paid",
   "payment_type": "CreditCard", "default_payment_type": "CreditCard", "media_program": "", "update_primary_mailing_address": false,
   "warehouse_id": "", "shipping_method": "", "pledge_program_name": "", "pledge_batch_type": "Web", "default_appeal_code": null,
   "match_rules": null, "on_several_matches": "oldest", "on_lost_pledge": "recreate", "on_unmappable_frequency": "fail",
   "refund_repeats_products": false, "send_notes": false},
 "virtuous": {"enabled": false, "reference_source": "Legacy RaiseDonors", "sync_gifts": true, "sync_contacts": true, "sync_projects": true,
   "conflicts": {"name": "newest", "address": "newest", "phone": "newest"}, "empty_erases": false,
   "signature_header": "X-Virtuous-Signature", "signature_encoding": "base64"},
 "raisedonors": {"test_mode_gifts": "ignore", "start_from": null},
 "notifications": {"sender": null, "recipients": []},
 "retries": {"base_seconds": 5, "max_seconds": 900, "unknown_wait_seconds": 60, "breaker_failures": 5, "breaker_probe_seconds": 60},
 "limits": {"aegis_per_hour": null, "virtuous_per_hour": 1200, "raisedonors_per_hour": null}}
""")  # noqa: E501


def _leaves(document: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in document.items():
        nested = isinstance(value, dict) and bool(value)
        found += _leaves(value, f"{path}{name}.") if nested else [(f"{path}{name}", value)]
    return found


@pytest.mark.parametrize(("path", "default"), _leaves(FIXED), ids=[path for path, _ in _leaves(FIXED)])
def test_a_fixed_name_has_its_fixed_default(path: str, default: Any) -> None:
    value: Any = Settings().model_dump(mode="json")
    for name in path.split("."):
        value = value[name]
    assert value == default
    assert isinstance(value, bool) == isinstance(default, bool)


def test_a_document_may_give_any_subset() -> None:
    assert read_settings({}) == Settings()
    assert read_settings(FIXED) == Settings()
    changed = read_settings({"aegis": {"channel": "Mail"}})
    assert (changed.aegis.channel, changed.aegis.batch_type) == ("Mail", "Web")


def test_a_document_that_was_written_out_reads_as_the_same_settings() -> None:
    given = read_settings(
        {"aegis": {"match_rules": [["email"]], "codes": {"fund": ["GEN"]}}, "raisedonors": {"start_from": "2026-01-01"}}
    )
    assert read_settings(given.model_dump(mode="json")) == given


SEVERAL = ["oldest", "newest", "create", "create_and_notify", "review"]
FIELDS = ["donor_id", "first_name", "last_name", "company", "email", "phone", "address"]
WINNERS = ["newest", "raisedonors", "virtuous"]
LOST, FREQUENCY = ["recreate", "send_without_pledge", "fail"], {"26": "Fortnightly"}


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"colour": 1}, "colour", ["unknown setting"]),
        ({"aegis": {"chanel": "Web"}}, "aegis.chanel", ["unknown setting"]),
        ({"virtuous": {"conflicts": {"email": "newest"}}}, "virtuous.conflicts.email", ["unknown setting"]),
        ({"aegis": {"payment_status": "Pending"}}, "aegis.payment_status", ["Paid", "Received", "Approved", "Pending"]),
        ({"aegis": {"on_several_matches": "first"}}, "aegis.on_several_matches", SEVERAL),
        ({"aegis": {"on_lost_pledge": "x"}}, "aegis.on_lost_pledge", LOST),
        ({"aegis": {"on_unmappable_frequency": "x"}}, "aegis.on_unmappable_frequency", ["send_without_pledge", "fail"]),
        ({"aegis": {"match_rules": [["mail"]]}}, "aegis.match_rules.0.0", FIELDS),
        ({"aegis": {"match_rules": []}}, "aegis.match_rules", ["at least 1"]),
        ({"aegis": {"match_rules": [[]]}}, "aegis.match_rules.0", ["at least 1"]),
        ({"aegis": {"frequency_substitutes": FREQUENCY}}, "aegis.frequency_substitutes.26", ["Semimonthly", "Monthly"]),
        ({"aegis": {"codes": {"funds": ["GEN"]}}}, "aegis.codes.funds", ["fund", "appeal"]),
        ({"aegis": {"currency": "usd"}}, "aegis.currency", ["[A-Z]"]),
        ({"aegis": {"enabled": "yes"}}, "aegis.enabled", ["boolean"]),
        ({"aegis": {"channel": None}}, "aegis.channel", ["string"]),
        ({"aegis": 5}, "aegis", ["dictionary"]),
        ({"virtuous": {"conflicts": {"name": "aegis"}}}, "virtuous.conflicts.name", WINNERS),
        ({"virtuous": {"signature_encoding": "rot13"}}, "virtuous.signature_encoding", ["base64", "hex"]),
        ({"raisedonors": {"test_mode_gifts": "maybe"}}, "raisedonors.test_mode_gifts", ["ignore", "send"]),
        ({"raisedonors": {"start_from": "soon"}}, "raisedonors.start_from", ["datetime"]),
        ({"time_zone": "Mars/Olympus"}, "time_zone", ["IANA", "America/Chicago"]),
        ({"time_zone": "../../etc/passwd"}, "time_zone", ["IANA"]),
        ({"batch_at": "24:00"}, "batch_at", ["00:00", "23:59"]),
        ({"batch_at": "9:5"}, "batch_at", ["22:00"]),
        ({"activity_days": 1}, "activity_days", ["30"]),
        ({"retries": {"base_seconds": 0}}, "retries.base_seconds", ["greater than 0"]),
        ({"retries": {"breaker_failures": 0}}, "retries.breaker_failures", ["greater than or equal to 1"]),
        ({"retries": {"unknown_wait_seconds": -1}}, "retries.unknown_wait_seconds", ["greater than or equal to 0"]),
        ({"limits": {"aegis_per_hour": 0}}, "limits.aegis_per_hour", ["greater than or equal to 1"]),
        ({"limits": {"virtuous_per_hour": "many"}}, "limits.virtuous_per_hour", ["integer"]),
        ({"notifications": {"recipients": "ops@example.org"}}, "notifications.recipients", ["list"]),
        ([], "document", ["dictionary"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_names_its_field_and_what_is_allowed(document: Any, field: str, words: list[str]) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read_settings(document)
    [problem] = map(str, refused.value.problems)
    assert problem.startswith(f"{field}: "), problem
    assert all(word in problem for word in words), problem


def test_all_mistakes_of_a_document_are_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        read_settings({"time_zone": "X", "aegis": {"chanel": 1, "payment_status": "x"}})
    assert len(refused.value.problems) == 3


def test_a_start_without_a_zone_means_utc() -> None:
    given = read_settings({"raisedonors": {"start_from": "2026-01-31T08:00:00"}})
    assert given.raisedonors.start_from == datetime(2026, 1, 31, 8, tzinfo=UTC)


def test_a_problem_is_of_its_own_setting_and_of_no_other_that_begins_alike() -> None:
    problem = SettingsProblem("limits.aegis_per_hour.0", "limits.virtuous_per_hour: is odd")
    assert problem.is_of("limits.aegis_per_hour")
    assert problem.is_of("limits")
    assert not problem.is_of("limits.aegis_per")
    assert not problem.is_of("limits.virtuous_per_hour")
