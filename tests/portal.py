"""The donor portal in front of a workbench: it asks as API Gateway hands it on, and checks what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import yaml

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import Wire
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.flows.donor_history import WIRE_SECONDS, DonorHistory
from giftbridge.history_wire import page_body, read_question
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.population_donors import MadeDonor
from tests.workbench import Workbench

Ask = Callable[..., dict[str, Any]]
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "api.openapi.yaml"


@cache
def documented(schema: str) -> Any:
    """What docs/api.openapi.yaml says of a body."""
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    named = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(named, validate_formats=True)


def asking(bench: Workbench, aegis: Wire | None = None, raisedonors: Wire | None = None) -> Ask:
    """Ask as the portal does; a new process that has kept nothing."""
    history = DonorHistory(
        bench.tools,
        RaiseDonors(raisedonors or bench.wire("raisedonors")),
        Aegis(aegis or bench.wire("aegis"), bench.aegis.context),
    )

    def ask(donor_id: int, query: str = "") -> dict[str, Any]:
        bench.tools.time_left.restart(WIRE_SECONDS)
        path = f"/donors/{donor_id}/history"
        question = read_question({"pathParameters": {"donorId": str(donor_id)}, "rawQueryString": query})
        body = dict(json.loads(json.dumps(page_body(history.page(question), question, path))))
        assert list(documented("HistoryPage").iter_errors(body)) == []
        return body

    return ask


def all_pages(ask: Ask, donor_id: int, query: str = "") -> list[dict[str, Any]]:
    """Every page, by the links."""
    pages = [ask(donor_id, query)]
    while pages[-1]["next"]:
        pages.append(ask(donor_id, urlsplit(pages[-1]["next"]).query))
    return pages


def rows_of(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for page in pages for row in page["rows"]]


def partner_of(bench: Workbench, donor_id: int) -> str:
    key = bench.tools.keys.get(f"donor#{donor_id}", "aegis")
    assert key is not None and key.key is not None
    return key.key


def phone_gift(bench: Workbench, partner: str, hours_ago: float = 1, amount: str = "10.00") -> int:
    """A gift of another channel."""
    moment = bench.clock() - timedelta(hours=hours_ago)
    gifts = [{"Amount": Decimal(amount), "FundID": "GENERAL"}]
    return seed_transaction(
        bench.aegis.store, {"PartnerID": partner, "TransactionDate": moment.isoformat(), "Gifts": gifts}, moment
    )


def make_giver(bench: Workbench) -> MadeDonor:
    """A donor with one delivered gift."""
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)
    bench.run()
    return donor


def make_long_giver(bench: Workbench) -> MadeDonor:
    """230 transactions in Aegis, 12 of them ours, and three donations that are not there yet."""
    donor = bench.population.make_donor("new_person")
    for _ in range(12):
        bench.give(donor=donor)
        bench.clock.advance(7)
    bench.run(ticks=2)
    for number in range(218):
        phone_gift(bench, partner_of(bench, donor.donor_id), hours_ago=number + 1)
    for _ in range(3):
        bench.give(donor=donor)
        bench.clock.advance(1)
    return donor
