"""`make demo`: the product does its main job on this machine, and what arrived is counted to the cent."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops.demo.day import Day
from ops.demo.planting import PLANTS, plant
from ops.demo.reconciled import print_reconciliation
from ops.demo.report import print_report
from ops.local_stack.paths import LocalStackError

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the report instead of serving on.")] = False,
    donations: Annotated[int, typer.Option(min=40, help="How many donations the day has.")] = 560,
    storm: Annotated[int, typer.Option(min=20, help="How many addresses are corrected in Virtuous at once.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed plays the same donors and gifts.")] = 7,
    port: Annotated[int, typer.Option(help="Port of the local stack; 0 takes any free one.")] = 0,
    plant_: Annotated[
        list[str] | None,
        typer.Option("--plant", help=f"Spoil the result, to see it found: {', '.join(PLANTS)}. Can be repeated."),
    ] = None,
) -> None:
    """Play a busy day: donations of every kind, bad ones among them, refunds, edits, an outage, a repair and a redrive.

    The exit code is 0 only if every donation and refund that had to arrive is in Aegis exactly once, to the cent, and
    pledges and partners are as schedules and donors are.
    """
    console = Console(highlight=False)
    for name in plant_ or []:
        if name not in PLANTS:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(PLANTS)}", param_hint="--plant")
    began = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="giftbridge-demo-") as folder,
            Day(Path(folder), console, donations=donations, seed=seed, storm=storm, port=port) as day,
        ):
            day.play()
            for name in plant_ or []:
                plant(name, day)
            print_reconciliation(console, day)
            is_clean = print_report(console, day, time.monotonic() - began)
            if not exit_:
                serve(console, day)
    except LocalStackError as problem:
        console.print(f"[red]{problem}[/red]")
        raise typer.Exit(problem.exit_code) from problem
    raise typer.Exit(0 if is_clean else 1)


def serve(console: Console, day: Day) -> None:
    """Keep the stack up until Ctrl-C."""
    console.print(
        f"\nThe stack goes on serving, with its console at {day.front_url}/console/\nIn another terminal:\n"
        f"  .venv/bin/giftbridge status --local {day.front_url}\n"
        f"  .venv/bin/giftbridge failures --local {day.front_url}\n"
        f"Ctrl-C ends it."
    )
    try:
        while day.is_alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("ending")


if __name__ == "__main__":
    app()
