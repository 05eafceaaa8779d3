"""What became of differences since they were found: accepted by a person, being healed, healed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State
from giftbridge.domain.reconciliation import Difference, Report
from giftbridge.domain.times import parse_moment
from giftbridge.flows.tools import Tools
from giftbridge.store.reconciliations import Reconciliations

ACCEPTED, HEALING = "accepted", "healing"


def with_states(tools: Tools, kept: Reconciliations, report: Report) -> Report:
    """The report with what became of its differences up to now."""
    acted = kept.acted(one.id for one in report.differences)
    if not acted:
        return report
    named = [str(act["delivery"]) for act in acted.values() if act.get("delivery")]
    deliveries = tools.deliveries.get_many(named)

    def now(difference: Difference) -> Difference:
        act = acted.get(difference.id)
        return difference if act is None else _after(difference, act, deliveries, report)

    sides = tuple(replace(side, differences=tuple(map(now, side.differences))) for side in report.sides)
    return replace(report, sides=sides)


def tell_latest_anew(tools: Tools, kept: Reconciliations, report_id: str | None = None) -> None:
    """Bring the newest report's figures up to date; with an id only if that is the newest."""
    row = kept.latest()
    if row is None or report_id not in {None, row["id"]}:
        return
    report = kept.read(str(row["id"]))
    if report is not None:
        kept.tell_latest(with_states(tools, kept, report))


def _after(
    difference: Difference, act: Mapping[str, Any], deliveries: Mapping[str, Delivery], report: Report
) -> Difference:
    """One that was accepted stays so while it says the same; one that was healed and is found again is open."""
    by = f"{act['who']}, {str(act['at'])[:16].replace('T', ' ')} UTC"
    if act["what"] == ACCEPTED:
        is_same = Decimal(str(act["money"])) == difference.money
        return replace(difference, state=ACCEPTED, state_words=f"{act['why']} ({by})") if is_same else difference
    delivery = deliveries.get(str(act.get("delivery")))
    if delivery is None:
        return difference
    if delivery.state in OPEN_STATES or delivery.state is State.SENT:
        return replace(difference, state=HEALING, state_words=f"{act['how']} ({by}): {delivery.state}")
    is_later = parse_moment(act["at"]) >= report.made_at
    if delivery.state is State.DELIVERED and is_later:
        return replace(difference, state="healed", state_words=f"{act['how']} ({by})")
    if delivery.trouble is not None:
        return replace(difference, state_words=f"{act['how']} did not work ({by}): {delivery.trouble.explain()}")
    return difference
