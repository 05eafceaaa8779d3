"""A busy stack with its console on a real port, and a real browser in front of it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from starlette.applications import Starlette

from ops.console.app import console_app
from tests.command.conftest import connect_trio
from tests.command.desk import Desk, virtuous_desk
from tests.console.filled import Filled, fill
from tests.one_call_at_a_time import one_call_at_a_time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# What WCAG 2 asks for; axe's own further advice takes as long again.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
_AXE = Axe()
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


@dataclass
class Stage:
    """A served console, what it shows, and a browser."""

    url: str
    filled: Filled
    browser: Browser

    @property
    def at(self) -> Desk:
        return self.filled.at

    @contextlib.contextmanager
    def page(self, *, dark: bool = False, narrow: bool = False, script: bool = True) -> Iterator[Page]:
        """A fresh window; whatever the browser complains of fails the test."""
        context: BrowserContext = self.browser.new_context(
            viewport=NARROW if narrow else WIDE,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            base_url=self.url,
        )
        context.set_default_timeout(10_000)
        page, told = context.new_page(), list[str]()
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        try:
            yield page
            assert not [text for text in told if "status of 4" not in text], told
        finally:
            context.close()


@contextlib.contextmanager
def staged() -> Iterator[Stage]:
    """One busy stack, its console on a real port, one browser."""
    with virtuous_desk() as fresh, one_call_at_a_time(), contextlib.ExitStack() as running:
        at = connect_trio(fresh)
        filled = fill(at)
        url = running.enter_context(served(console_app(lambda: at.stack)))
        playwright = running.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        running.callback(browser.close)
        yield Stage(url, filled, browser)


@contextlib.contextmanager
def served(app: Starlette) -> Iterator[str]:
    """A console over HTTP; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listening.close()


def serious(page: Page) -> list[str]:
    """What axe finds on the page that is serious or critical."""
    return [
        f"{one['id']} ({one['impact']}) at {[node['target'] for node in one['nodes'][:3]]}"
        for one in _AXE.run(page, options=_RULES).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
