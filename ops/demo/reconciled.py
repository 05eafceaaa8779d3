"""The product's own reconciliation of the day, beside the demo's judge, which shares no code with it."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.console import Console

from giftbridge.domain.reconciliation import Difference, Heal, Report
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_reading import Sources
from ops.demo.day import Day
from ops.operating import reaching, reconciling
from ops.operating.problems import Problem
from ops.operating.stack import open_stack

_PATIENCE = 20.0


class _TooLong(Exception):
    """The demo does not wait for it."""


def print_reconciliation(console: Console, day: Day) -> None:
    """One line: how many differences the product finds itself. The verdict does not depend on it."""
    try:
        report = _report(day)
    except _TooLong as too_long:
        console.print(f"the product's own reconciliation: not ended within {_PATIENCE:.0f} s ({too_long})")
        return
    except Problem as problem:
        console.print(f"the product's own reconciliation: {problem.text}", soft_wrap=True)
        return
    sorts = reconciling.totals(report.differences)
    listed = ", ".join(f"{number} {sort}" for sort, number in sorted(sorts.items())) or "none"
    failed = sum(1 for one in report.open if one.heal is Heal.RETRY)
    adopted = sum(1 for one in report.open if _is_adopted(day, one))
    money = f"{report.open_money:,.2f} {report.currency}".strip()
    console.print(
        f"the product's own reconciliation: {len(report.open)} open differences ({listed}): {failed} failed and wait "
        f"for a person, {adopted} came with a number that the simulated Aegis never had; {money}, "
        f"{sum(report.calls.values())} calls, {report.seconds} s; "
        f"look with giftbridge reconcile --last --local {day.front_url}",
        soft_wrap=True,
    )


def _is_adopted(day: Day, difference: Difference) -> bool:
    gift = int(difference.donation_id) if difference.donation_id is not None else None
    return gift is not None and bool(day.raisedonors.store.gifts.entry(gift).first_members.get("crmKey"))


def _report(day: Day) -> Report:
    """All is at rest by now: no live work is left that would need the spared calls."""
    stack = open_stack(local=day.front_url)
    ends = time.monotonic() + _PATIENCE
    sources = Sources(reaching.raisedonors(stack), reaching.aegis(stack), reaching.virtuous(stack))
    reconciliation = Reconciliation(stack.tools, sources, "demo")
    today = stack.tools.now().date()
    run_id = reconciliation.begin(today - timedelta(days=1), today, "demo")
    while not (progress := reconciliation.advance(run_id)).is_done:
        if time.monotonic() > ends:
            raise _TooLong(f"{progress.stage}, {progress.done} of {progress.total}; {progress.waits or 'at work'}")
        time.sleep(1)
    return reconciling.read(stack, run_id)
