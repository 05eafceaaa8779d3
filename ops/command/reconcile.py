"""`giftbridge reconcile`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from giftbridge.domain.reconciliation import Report, ReportHead
from giftbridge.domain.reconciliation_rows import report_text
from giftbridge.domain.times import format_moment
from giftbridge.flows.reconciliation_plans import HealItem, HealPlan, HealResult
from giftbridge.flows.reconciliation_run import Progress
from ops.command.reconcile_report import money_text, report_lines
from ops.command.showing import duration, moment, table
from ops.command.terminal import Terminal, verb
from ops.operating import reconciling
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.reconciling import Estimate

_FORMATS = ["%Y-%m-%d"]


@verb
def reconcile(
    terminal: Terminal,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=_FORMATS, help="First day, in the set time zone.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=_FORMATS, help="Last day; --from without it.")
    ] = None,
    report_id: Annotated[str | None, typer.Option("--report", help="A report that was made before, by its id.")] = None,
    newest: Annotated[bool, typer.Option("--last", help="The newest report, without a new run.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the reports that are kept.")] = False,
    only_estimate: Annotated[bool, typer.Option("--estimate", help="Only say what a run will take.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with a run that could not end.")] = None,
    csv_file: Annotated[str | None, typer.Option("--csv", help="Write the report as CSV; - is stdout.")] = None,
    heal: Annotated[list[str] | None, typer.Option(help="Heal this difference; may be given again.")] = None,
    heal_all: Annotated[bool, typer.Option("--heal-all", help="Heal all that can be healed.")] = False,
    accept: Annotated[str | None, typer.Option(help="Say that this difference is right as it is.")] = None,
    why: Annotated[str, typer.Option(help="Why it is accepted.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Compare both sides, by record and to the cent, day by day.

    Without days, those that the daily run compares. What it takes is said beforehand, live work goes first. Healing
    and accepting work on the newest report, or on --report. Exit code 1: there are differences.
    """
    if listed:
        return _told_list(terminal)
    if accept is not None or heal or heal_all:
        return _act(terminal, report_id, heal, heal_all=heal_all, accept=accept, why=why, yes=yes)
    if newest or report_id is not None:
        return _told(terminal, _report(terminal, report_id), csv_file)
    days = _days(terminal, first, last)
    if only_estimate:
        found = _estimated(terminal, days)
        terminal.answer(_estimate_data(found, days), _estimate_words(found, days))
        return HEALTHY
    if resume is None:
        found = _estimated(terminal, days)
        terminal.say(_estimate_words(found, days))
    return _told(terminal, _run(terminal, days, resume), csv_file)


def _days(terminal: Terminal, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    if first is None and last is not None:
        raise WrongUsage("--from is missing: the first day, such as 2026-01-31.")
    if first is None:
        return reconciling.default_period(terminal.stack)
    return first.date(), (last or first).date()


def _estimated(terminal: Terminal, days: tuple[date, date]) -> Estimate:
    with terminal.counting("gifts read", None) as count:
        return reconciling.estimate(terminal.stack, *days, progress=count)


def _run(terminal: Terminal, days: tuple[date, date], resume: str | None) -> Report:
    shown: list[str] = []

    def tell(progress: Progress) -> None:
        why = getattr(progress.waits, "text", progress.waits)
        text = f"waiting: {why}" if why else ""
        if text and text not in shown:
            shown.append(text)
            terminal.say(text)

    with terminal.busy("reconciling") if not terminal.as_json else nullcontext():
        return reconciling.run(terminal.stack, *days, progress=tell, resume=resume)


def _report(terminal: Terminal, report_id: str | None) -> Report:
    found = reconciling.read(terminal.stack, report_id) if report_id else reconciling.latest(terminal.stack)
    if found is None:
        raise WrongUsage("There is no reconciliation yet.", ["`giftbridge reconcile` makes one."])
    return found


# --- the report ---------------------------------------------------------------------------------------------


def _told(terminal: Terminal, report: Report, csv_file: str | None) -> int:
    code = HEALTHY if report.is_clean else PERSON_NEEDED
    if csv_file == "-":
        terminal.out.out(reconciling.csv_of(report), end="")
        return code
    if csv_file is not None:
        Path(csv_file).write_text(reconciling.csv_of(report), encoding="utf-8")
        terminal.say(f"Written to {csv_file}.")
    terminal.answer(_report_data(report), *report_lines(report))
    return code


def _report_data(report: Report) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(report_text(report))
    data["open"] = len(report.open)
    data["open_money"] = f"{report.open_money:.2f}"
    data["clean"] = report.is_clean
    return data


# --- what was there before ----------------------------------------------------------------------------------


def _told_list(terminal: Terminal) -> int:
    heads = reconciling.reports(terminal.stack)
    rows = [
        (h.id, f"{h.first} to {h.last}", moment(h.made_at), h.by, str(h.open), str(h.held), money_text(h.open_money))
        for h in heads
    ]
    shown = table(("report", "days", "made (UTC)", "by", "open", "held", "money"), rows)
    terminal.answer([_head_data(head) for head in heads], shown if heads else "No reconciliation was made yet.")
    return HEALTHY


def _head_data(head: ReportHead) -> dict[str, Any]:
    return {
        "id": head.id,
        "first": head.first.isoformat(),
        "last": head.last.isoformat(),
        "made_at": format_moment(head.made_at),
        "by": head.by,
        "open": head.open,
        "held": head.held,
        "open_money": f"{head.open_money:.2f}",
        "currency": head.currency,
        "gaps": head.gaps,
    }


def _estimate_words(found: Estimate, days: tuple[date, date]) -> str:
    calls = ", ".join(f"{number} to {system}" for system, number in found.calls_to.items())
    return (
        f"{days[0]} to {days[1]}: {found.donors} donors, about {found.calls} calls ({calls}), "
        f"{duration(found.seconds)} if live work leaves them."
    )


def _estimate_data(found: Estimate, days: tuple[date, date]) -> dict[str, Any]:
    return {
        "first": days[0].isoformat(),
        "last": days[1].isoformat(),
        "donors": found.donors,
        "calls": found.calls,
        "calls_to": found.calls_to,
        "seconds": round(found.seconds, 1),
    }


# --- healing ------------------------------------------------------------------------------------------------


def _act(
    terminal: Terminal,
    report_id: str | None,
    heal: list[str] | None,
    *,
    heal_all: bool,
    accept: str | None,
    why: str,
    yes: bool,
) -> int:
    report, who = _report(terminal, report_id), terminal.stack.operator()
    if accept is not None:
        one = reconciling.accept(terminal.stack, report.id, accept, why, who)
        terminal.answer({"accepted": one.id, "why": why}, f"{one.id} is accepted: {why}")
        return HEALTHY
    plan = reconciling.plan_heal(terminal.stack, report, None if heal_all else heal)
    if not terminal.as_json:
        terminal.answer(None, table(("difference", "amount", "what is done"), map(_item, plan.items)))
    if not plan.to_do:
        terminal.answer(_plan_data(plan, []), "Nothing of it can be healed from here.")
        return PERSON_NEEDED if plan.items else HEALTHY
    if not terminal.agree(f"Do these {len(plan.to_do)}?", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    results = reconciling.heal(terminal.stack, plan, who)
    told = [f"{r.id}: {r.outcome} — {r.text}" for r in results]
    terminal.answer(_plan_data(plan, results), *told, "Reconcile once more when they are delivered.")
    return PERSON_NEEDED if any(r.outcome == "left" for r in results) else HEALTHY


def _item(item: HealItem) -> tuple[str, str, str]:
    one = item.difference
    return one.id, money_text(one.money), f"by hand: {item.what}" if item.left else item.what


def _plan_data(plan: HealPlan, results: Iterable[HealResult]) -> dict[str, Any]:
    return {
        "report": plan.report_id,
        "plan": [{"id": i.difference.id, "what": i.what, "left": i.left} for i in plan.items],
        "results": [{"id": r.id, "outcome": r.outcome, "text": r.text, "delivery": r.delivery_id} for r in results],
    }
