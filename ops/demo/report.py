"""What the day ended with: donations and money on both sides, what changed, every difference by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from ops.demo.day import Day
from ops.demo.product import Deliveries
from ops.demo.virtuous_report import print_virtuous, virtuous_differences
from ops.simulators.tally_result import DIFFERENCES, Tally
from ops.simulators.virtuous_tally_result import VIRTUOUS_DIFFERENCES

STATES = ("delivered", "ignored", "failed", "sent", "open")


def print_report(console: Console, day: Day, seconds: float) -> bool:
    """Print the report; whether both sides agree, no contract was broken and nobody is needed beyond bad gifts."""
    result, deliveries = day.result(), day.deliveries()
    virtuous = day.virtuous_result(is_whole=True)
    console.print(_counted("The day's donations by kind", day.population.counts))
    console.print(_counted("What changed", day.changes.counts))
    console.print(_counted("What changed in Virtuous, or on both sides", day.virtuous.changes.counts))
    console.print(_sides(result))
    console.print(_deliveries(deliveries))
    _print_agreement(console, day, result)
    print_virtuous(console, day, virtuous)
    wrong = [*_differences(result), *virtuous_differences(day, virtuous), *_unsettled(day, deliveries)]
    broken = day.violations()
    wrong += [f"contract broken: {violation}" for violation in broken[:10]]
    for line in wrong:
        console.print(f"[red]{line}[/red]", soft_wrap=True)
    console.print(
        f"redriven by StartMessageMoveTask: {day.redriven} dead letters; "
        f"requests checked against the contracts: {day.checked():,}, violations {len(broken)}; "
        f"calls to Aegis: {len(day.aegis.log):,}, to Virtuous: {len(day.virtuous.simulator.log):,}",
        soft_wrap=True,
    )
    for name, took in day.phases:
        console.print(f"[dim]{name}: {took:.1f} s[/dim]")
    # A row that was sent for nothing is told, and leaves both sides the same.
    needless = [line for line in wrong if VIRTUOUS_DIFFERENCES["echoes"] in line]
    is_clean = result.clean and len(needless) == len(wrong)
    verdict = "[green]clean: all sides agree, to the cent[/green]" if is_clean else "[red]NOT CLEAN[/red]"
    console.print(f"missing {len(result.missing)}, doubled {len(result.doubled)} — {verdict} ({seconds:.0f} s in all)")
    return is_clean


def _differences(result: Tally) -> Iterable[str]:
    for name, meaning in DIFFERENCES.items():
        for finding in getattr(result, name):
            yield f"{meaning}: {finding.describe()}"
    for fund, net in sorted(result.net_by_fund.items()):
        if net.difference:
            yield f"net of fund {fund} differs by {net.difference:,.2f}"
    for donor_id, net in result.net_by_donor.items():
        if net.difference:
            yield f"net of donor {donor_id} differs by {net.difference:,.2f}"


def _unsettled(day: Day, deliveries: Deliveries) -> Iterable[str]:
    """What a person would be needed for although the day had no reason for it."""
    for delivery_id, cause in day.unexpected_failures():
        yield f"failed unexpectedly: {delivery_id} ({cause})"
    for delivery_id, state in deliveries.still_open:
        yield f"still open: {delivery_id} ({state})"
    for donor_id in sorted(day.untold()):
        yield f"nobody was told that donor {donor_id}, who has no partner, was edited"


def _print_agreement(console: Console, day: Day, result: Tally) -> None:
    counts, notices = result.counts, day.notices()
    beside = sum(one.fired for one in day.changes.beside)
    wrong_pledges = sum(len(getattr(result, name)) for name in ("lost_pledges", "open_pledges", "stale_pledges"))
    console.print(
        f"pledges: {counts['schedules']} schedules compared, {counts['active pledges']} pledges active, "
        f"{wrong_pledges} in disagreement\n"
        f"partners: {counts['donors edited']} edited donors compared, {len(result.stale_partners)} in disagreement; "
        f"edited by staff between a read and the save: {beside}; "
        f"records that lost what is not ours: {len(result.spoilt_records)}\n"
        f"notes: {counts['notes']} expected, {len(result.missing_notes)} missing, {len(result.doubled_notes)} doubled\n"
        f"notices: {notices.letters} e-mails tell of {len(notices.donors)} donors without a partner, "
        f"{notices.waiting} notices wait",
        soft_wrap=True,
    )


def _counted(title: str, counts: Counter[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    pairs = sorted(counts.items())
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
    rows = (("donations", result.expected_count, result.found_count),
            ("refunds and voids", result.refunds_expected, result.refunds_found))  # fmt: skip
    for name, expected, found in rows:
        table.add_row(name, f"{expected:,}", f"{found:,}", f"{found - expected:,}")
    table.add_row(
        "money of the donations",
        f"{result.raisedonors_total:,.2f}",
        f"{result.aegis_total:,.2f}",
        f"{result.aegis_total - result.raisedonors_total:,.2f}",
    )
    for fund, net in sorted(result.net_by_fund.items()):
        table.add_row(f"  net of fund {fund}", f"{net.raisedonors:,.2f}", f"{net.aegis:,.2f}", f"{net.difference:,.2f}")
    return table


def _deliveries(deliveries: Deliveries) -> Table:
    table = Table(title="What GiftBridge says of its deliveries", title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for state in STATES:
        table.add_column(state, justify="right")
    table.add_column("ignored because", overflow="fold")
    for kind, states in sorted(deliveries.by_kind.items()):
        counts = {state: states[state] for state in STATES[:4]}
        counts["open"] = sum(states.values()) - sum(counts.values())
        why = ", ".join(f"{cause} {n}" for (one, cause), n in sorted(deliveries.ignored.items()) if one == kind)
        table.add_row(kind, *(f"{counts[state]:,}" for state in STATES), why)
    return table
