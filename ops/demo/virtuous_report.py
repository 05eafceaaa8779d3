"""What the day ended with in Virtuous: edits and their fate, conflicts, gifts, the storm, every difference by name."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from ops.demo.day import Day
from ops.simulators.virtuous_tally_result import VIRTUOUS_DIFFERENCES, VirtuousTally

FATES = (
    "arrived", "overtaken by the next one", "lost a conflict", "taken back before anybody read it",
    "overwritten before anybody read it", "lost",
)  # fmt: skip
FIELDS = ("name", "address", "phone")


def print_virtuous(console: Console, day: Day, result: VirtuousTally) -> None:
    """Print what was counted of Virtuous."""
    counts, side = result.counts, day.virtuous
    console.print(_edits(result))
    agreed = ", ".join(
        f"{name} {counts[f'{name} the same']:,} the same, {counts[f'{name} empty on one side']} empty on one side"
        for name in FIELDS
    )
    back = [
        f"{counts[f'edits on {where} back to a value we wrote, arrived']} of "
        f"{counts[f'edits on {where} back to a value we wrote']} on {where}"
        for where in ("RaiseDonors", "Virtuous")
    ]
    told = side.storm.result()
    lines = (
        f"contacts of {counts['donors with a contact']:,} donors: {agreed}; {len(result.different_fields)} differ",
        f"edits back to a value GiftBridge once wrote: arrived {', '.join(back)}",
        f"conflicts: {counts['conflicts']} told of; won by RaiseDonors {counts['conflicts won by raisedonors']}, "
        f"by Virtuous {counts['conflicts won by virtuous']}",
        f"echoes sent: {len(result.echoes)}; contact rows: {counts['contact rows']}, sent again after a lost answer: "
        f"{counts['contact rows sent again']}",
        f"e-mails: {counts['e-mails edited in Virtuous']} edited in Virtuous, {len(result.crossed_emails)} crossed",
        f"gifts to Virtuous: {counts['gifts expected']} expected, {len(result.missing_gifts)} missing, "
        f"{len(result.doubled_gifts)} doubled, {counts['gifts landed']} landed, {counts['gifts held']} held; "
        f"{counts['reversals']} reversals, {len(result.missing_reversals)} missing; "
        f"{counts['projects']} projects, {len(result.different_projects)} differ",
        f"imports: {side.batches} batches, {side.imports} imports by staff; donors made for individuals: "
        f"{counts['donors made over the API']}",
        told.describe(),
    )
    console.print("\n".join(lines), soft_wrap=True)


def virtuous_differences(day: Day, result: VirtuousTally) -> Iterable[str]:
    """Every difference in a line of its own."""
    for name, meaning in VIRTUOUS_DIFFERENCES.items():
        for finding in getattr(result, name):
            yield f"Virtuous: {meaning}: {finding.describe()}"
    storm = day.virtuous.storm.result()
    if not storm.clean:
        missing = storm.contacts - storm.arrived
        yield f"Virtuous: the storm left {missing} addresses behind, {storm.not_taken} webhooks were not taken"


def _edits(result: VirtuousTally) -> Table:
    table = Table(title="Edits by people, and their fate", title_justify="left")
    table.add_column("")
    table.add_column("edits", justify="right")
    for fate in FATES:
        table.add_column(fate, justify="right")
    for side in ("RaiseDonors", "Virtuous"):
        edits = f"edits on {side}"
        cells = (result.counts[edits], *(result.counts[f"{edits} {fate}"] for fate in FATES))
        table.add_row(f"on {side}", *(f"{cell:,}" for cell in cells))
    return table
