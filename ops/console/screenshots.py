"""`make screenshots`: plays the demo's day on a local stack and takes pictures of the console for the documents."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from giftbridge.domain.deliveries import Kind
from ops.demo.day import Day
from ops.demo.planting import plant
from ops.operating import listing, reconciling, reviewing
from ops.operating.stack import Stack, open_stack

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
SIZES = {"wide": (1280, 860), "phone": (390, 844)}


def main(
    donations: Annotated[int, typer.Option(min=40, help="How many donations the day has.")] = 120,
    storm: Annotated[int, typer.Option(min=20, help="How many addresses are corrected at once.")] = 40,
) -> None:
    """Write docs/images/console-PAGE-WIDTH.png."""
    console = Console(highlight=False)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="giftbridge-screenshots-") as folder,
        Day(Path(folder), console, donations=donations, seed=7, storm=storm) as day,
    ):
        day.play()
        for spoilt in ("missing", "cent", "doubled"):
            plant(spoilt, day)
        stack = open_stack(local=day.front_url)
        # The day spent what a reconciliation would leave to live work: it would wait for minutes.
        day.stack.client("dynamodb").delete_item(
            TableName=day.stack.outputs["StateTable"], Key={"name": {"S": "budget#virtuous"}}
        )
        today = stack.tools.now().date()
        reconciling.run(stack, today - timedelta(days=1), today)
        for width, (pixels, height) in SIZES.items():
            with _page(pixels, height) as page:
                for name, path in pages(stack).items():
                    page.goto(f"{day.front_url}/console{path}")
                    page.screenshot(path=IMAGES / f"console-{name}-{width}.png")
    console.print(f"{sum(file.stat().st_size for file in IMAGES.glob('*.png')) / 1e6:.1f} MB in {IMAGES}")


def pages(stack: Stack) -> dict[str, str]:
    """The pages to show, each with something in it."""
    group = listing.failures(stack)[0]
    failed = stack.tools.deliveries.get(group.sample[-1])
    lately = listing.page_of(stack, listing.Filter(), 200).deliveries
    edited = next(one for one in lately if one.donor_id is not None and one.kind is Kind.DONOR_UPDATED)
    found = {
        "overview": "/",
        "deliveries": "/deliveries",
        "delivery": f"/delivery/{group.sample[-1]}",
        "donor": f"/donor/{edited.donor_id}",
        "find": f"/find?q={failed.donor_id if failed is not None else 41}",
        "failures": "/failures",
        "reconciliation": "/reconciliation",
        "batches": "/batches",
        "review": "/review",
        "settings": "/settings/edit",
        "activity": "/activity",
    }
    waiting = reviewing.waiting(stack)
    return {**found, "case": f"/case/{waiting[0].id}"} if waiting else found


@contextmanager
def _page(width: int, height: int) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": height})
        yield page
        browser.close()


if __name__ == "__main__":
    typer.run(main)
