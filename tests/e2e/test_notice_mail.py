"""Notices leave the deployed template through the emulated Amazon SES, and `status` says how they stand."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from giftbridge.domain.notices import EDIT_WITHOUT_PARTNER, FieldChange, Notice
from giftbridge.domain.times import parse_moment
from giftbridge.store.notices import Notices
from giftbridge.store.rows import commit
from tests.e2e.rig import Rig, rig, wait_until

NOTIFICATIONS = {"sender": "GiftBridge <giftbridge@example.org>", "recipients": ["a@example.org", "b@example.org"]}
NAME = "Nadezhda Zweibrücken"


@pytest.mark.timeout(200)
def test_waiting_notices_leave_the_stack_in_one_e_mail(tmp_path: Path) -> None:
    with rig(tmp_path, pickup_every=2.0, notifications=NOTIFICATIONS) as running:
        _write(running, 100)

        assert wait_until(lambda: bool(_mails(running)), 60)
        assert wait_until(lambda: _status(running)["notices_waiting"] == 0, 30)

        # The first tick may have come between two notices.
        mails = _mails(running)
        assert len(mails) <= 2
        assert sum(mail["BodyText"].count(f"last name: Smith → {NAME}") for mail in mails) == 100
        assert mails[0]["To"] == NOTIFICATIONS["recipients"]
        assert _status(running)["notices_trouble"] is None
        assert NAME not in running.stack.log_file.read_text(errors="replace")


def _write(running: Rig, count: int) -> None:
    """Notices, as a worker writes them."""
    dynamodb = running.stack.client("dynamodb")
    notices = Notices(dynamodb, running.stack.outputs["ActivityTable"])
    for donor in range(count):
        changes = (FieldChange("last name", "Smith", NAME),)
        notice = Notice(EDIT_WITHOUT_PARTNER, f"donor#{donor}", "The donor was edited.", changes)
        commit(dynamodb, [notices.waiting(notice, parse_moment("2026-03-02T12:00:00Z"))])


def _mails(running: Rig) -> list[dict[str, Any]]:
    """What the emulated Amazon SES took."""
    with urllib.request.urlopen(f"{running.stack.endpoint_url}/_ministack/ses/messages", timeout=5) as answer:
        told = json.loads(answer.read())
    return [mail for mails in told["messages"].values() for mail in mails]


def _status(running: Rig) -> dict[str, Any]:
    done = running.giftbridge("status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
