"""A reconciliation's report on a terminal: days and funds of each CRM, what differs, what was compared."""

from __future__ import annotations

from decimal import Decimal

from rich.console import RenderableType
from rich.text import Text

from giftbridge.domain.reconciliation import Difference, Report, Side
from ops.command.showing import duration, moment, table
from ops.operating import reconciling

_STYLES = {"held": "cyan", "wrong-fund": "yellow", "wrong-day": "yellow"}


def report_lines(report: Report) -> list[RenderableType]:
    """A whole report."""
    lines: list[RenderableType] = [
        f"Reconciliation {report.id}: {report.first} to {report.last}, {report.time_zone}, made "
        f"{moment(report.made_at)} UTC by {report.by}."
    ]
    for side in report.sides:
        lines += _side_lines(side, report.currency)
    lines += [f"  {sentence}" for sentence in report.coverage]
    lines += [Text(f"  Not compared: {gap}", style="yellow") for gap in report.gaps]
    calls = ", ".join(f"{number} to {system}" for system, number in report.calls.items())
    lines.append(f"  Calls: {calls or 'none'}; {duration(report.seconds)}.")
    lines.append(_verdict(report))
    return lines


def _side_lines(side: Side, currency: str) -> list[RenderableType]:
    title = side.crm.capitalize()
    days = table(
        ("day", "gifts", "RaiseDonors", f"in {title}", title, "held", "other channels", "difference"),
        [
            (
                str(d.day),
                str(d.expected.count),
                money_text(d.expected.money),
                str(d.found.count),
                money_text(d.found.money),
                money_text(d.held.money) if d.held.count else "",
                money_text(d.other.money) if d.other.count else "",
                money_text(d.difference) if d.difference else "",
            )
            for d in side.days
        ],
        title=f"{title} {currency}".strip(),
    )
    for column in days.columns[1:]:
        column.justify = "right"
    lines: list[RenderableType] = [days]
    funds = _fund_sums(side)
    if funds:
        lines.append(
            table(
                ("fund", "RaiseDonors", title),
                [(name, money_text(a), money_text(b)) for name, (a, b) in sorted(funds.items())],
                title=f"funds, {side.funds_are}",
            )
        )
    if side.differences:
        lines.append(table(("difference", "day", "amount", "what", "heal", "state"), map(_row, side.differences)))
    return lines


def _row(one: Difference) -> tuple[str | Text, ...]:
    name = Text(one.id, style=_STYLES.get(one.sort, "bold red") if one.state == "open" else "dim")
    state = one.state + (f": {one.state_words}" if one.state_words else "")
    donor = f" (donor {one.donor_id})" if one.donor_id is not None else ""
    how = one.heal.value or ("by hand: " + one.remedy if one.remedy else "")
    return name, str(one.day or ""), money_text(one.money), f"{one.words}{donor}", how, "" if state == "open" else state


def _fund_sums(side: Side) -> dict[str, tuple[Decimal, Decimal]]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for line in side.funds:
        expected, found = sums.get(line.fund, (Decimal(0), Decimal(0)))
        sums[line.fund] = (expected + line.expected, found + line.found)
    return sums


def _verdict(report: Report) -> Text:
    held = reconciling.totals(report.differences).get("held", 0)
    waiting = f", {held} held" if held else ""
    if report.is_clean:
        return Text(f"Clean: no open difference{waiting}.", style="green")
    counts = ", ".join(f"{number} {sort}" for sort, number in reconciling.totals(report.open).items())
    money = f"{money_text(report.open_money)} {report.currency}".strip()
    return Text(f"{len(report.open)} open differences ({counts or 'none'}), {money}{waiting}.", style="bold red")


def money_text(amount: Decimal) -> str:
    """An amount with two decimals."""
    return f"{amount:,.2f}"
