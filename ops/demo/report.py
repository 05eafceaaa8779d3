"""What the day ended with: donations and money on both sides, every difference by name."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ops.demo.day import Day
from ops.simulators.tally_result import DIFFERENCES, Tally


def print_report(console: Console, day: Day, seconds: float) -> bool:
    """Print the report; whether both sides agree and no contract was broken."""
    result = day.result()
    console.print(_kinds(day))
    console.print(_sides(result))
    differences = [
        f"{meaning}: {finding.describe()}" for name, meaning in DIFFERENCES.items() for finding in getattr(result, name)
    ]
    for line in differences:
        console.print(f"[red]{line}[/red]", soft_wrap=True)
    broken = day.violations()
    for violation in broken[:10]:
        console.print(f"[red]contract broken: {violation}[/red]", soft_wrap=True)
    calls = len(day.aegis.log)
    console.print(
        f"redriven by StartMessageMoveTask: {day.redriven} dead letters; "
        f"requests checked against the contracts: {day.checked():,}, violations {len(broken)}; "
        f"calls to Aegis: {calls:,}",
        soft_wrap=True,
    )
    for name, took in day.phases:
        console.print(f"[dim]{name}: {took:.1f} s[/dim]")
    is_clean = result.clean and not broken
    verdict = "[green]clean: both sides agree to the cent[/green]" if is_clean else "[red]NOT CLEAN[/red]"
    console.print(f"missing {len(result.missing)}, doubled {len(result.doubled)} — {verdict} ({seconds:.0f} s in all)")
    return is_clean


def _kinds(day: Day) -> Table:
    table = Table(title="The day's donations by kind", title_justify="left", box=None, pad_edge=False)
    pairs = sorted(day.kinds().items())
    for _ in range(3):
        table.add_column(no_wrap=True)
        table.add_column(justify="right")
    for start in range(0, len(pairs), 3):
        row = [cell for kind, count in pairs[start : start + 3] for cell in (kind, str(count))]
        table.add_row(*row)
    return table


def _sides(result: Tally) -> Table:
    table = Table(title="Donations and money on both sides", title_justify="left")
    table.add_column("")
    for heading in ("RaiseDonors", "Aegis", "difference"):
        table.add_column(heading, justify="right")
    expected, found = result.expected_count, result.found_count
    table.add_row("donations", f"{expected:,}", f"{found:,}", f"{found - expected:,}")
    table.add_row(
        "money",
        f"{result.raisedonors_total:,.2f}",
        f"{result.aegis_total:,.2f}",
        f"{result.aegis_total - result.raisedonors_total:,.2f}",
    )
    for fund, sides in sorted(result.by_fund.items()):
        table.add_row(f"  fund {fund}", f"{sides.raisedonors:,.2f}", f"{sides.aegis:,.2f}", f"{sides.difference:,.2f}")
    return table
