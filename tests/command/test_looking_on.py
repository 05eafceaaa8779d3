"""What somebody sees who may look on and not read the systems' credentials, and where failures lead them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command.desk import Desk


@pytest.fixture
def without_secrets(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A connected desk whose person is refused each secret."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")

    monkeypatch.setattr(connected.secrets, "get_secret_value", refuse, raising=False)
    connected.bench.clock.advance(61)
    return connected


def test_status_knows_what_is_connected_without_reading_a_secret(without_secrets: Desk) -> None:
    told = without_secrets.run("status", "--json").data

    assert {name: system["condition"] for name, system in told["systems"].items()} == {
        "raisedonors": "open",
        "aegis": "open",
    }


def test_a_system_that_was_never_connected_is_told_so_without_its_secret(
    unconnected: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")

    monkeypatch.setattr(unconnected.secrets, "get_secret_value", refuse, raising=False)
    unconnected.bench.clock.advance(61)

    told = unconnected.run("status", "--json").data

    assert {system["condition"] for system in told["systems"].values()} == {"not connected"}


def test_failures_name_the_page_of_the_runbook(connected: Desk) -> None:
    connected.fail_gift("unknown_fund")

    [group] = connected.run("failures", "--json").data["causes"]

    assert group["cause"].startswith("unknown-fund:")
    assert group["runbook"] == "docs/runbook/unknown-fund.md"
