"""Who and what is kept out of the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from ops.console.app import console_app
from ops.operating.stack import Stack
from tests.command.desk import Desk, desk
from tests.console.browsing import HOME, Browser, browser, csrf_of

STRICT = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
}


@pytest.fixture(scope="module")
def connected() -> Iterator[Desk]:
    """One desk for all: what a test pauses it resumes."""
    with desk() as fresh:
        fresh.connect_both()
        yield fresh


@pytest.fixture(scope="module")
def files() -> Iterator[TestClient]:
    """A console whose stack nobody asks for."""

    def nothing() -> Stack:
        raise AssertionError("the stack was opened")

    with TestClient(console_app(nothing), base_url=HOME) as client:
        yield client


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8765", "127.0.0.1:1", "localhost", ""])
def test_another_host_name_is_refused_so_that_no_site_can_rebind_its_own(files: TestClient, host: str) -> None:
    for path in ("/console/", "/console/static/console.css", "/"):
        assert files.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "LOCALHOST:8765"])
def test_the_loopback_names_are_served(files: TestClient, host: str) -> None:
    assert files.get("/console/static/console.css", headers={"host": host}).status_code == 200


def test_every_answer_has_the_strict_headers(page: Browser) -> None:
    for path in ("/console/", "/console/nope", "/console/static/console.css", "/console/settings/export"):
        answer = page.client.get(path)
        assert {name: answer.headers[name] for name in STRICT} == STRICT
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy


def test_a_post_needs_the_token_of_its_own_session(page: Browser, connected: Desk) -> None:
    token = csrf_of(page.get("/"))

    for given in ({"x": "y"}, {"csrf": ""}, {"csrf": "x" * len(token)}, {"csrf": "é"}):
        assert page.post("/systems/aegis/pause", given).status == 403
    assert connected.stack.tools.state.destination("aegis").paused_by is None

    assert page.post("/systems/aegis/pause", {"csrf": token}).status == 200
    assert connected.stack.tools.state.destination("aegis").paused_by == "user/moto"
    connected.run("resume", "aegis")


def test_a_post_of_another_site_is_refused_even_with_the_token(page: Browser, connected: Desk) -> None:
    elsewhere: tuple[dict[str, str], ...] = (
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null", "sec-fetch-site": "none"},
    )
    token = csrf_of(page.get("/"))
    for headers in elsewhere:
        answer = page.client.post("/console/systems/aegis/pause", data={"csrf": token}, headers=headers)
        assert answer.status_code == 403, headers
    assert connected.stack.tools.state.destination("aegis").paused_by is None

    # A browser names no origin of its own form where no referrer is told.
    own = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert page.client.post("/console/systems/aegis/pause", data={"csrf": token}, headers=own).status_code == 303
    connected.run("resume", "aegis")


def test_a_form_of_another_kind_or_an_endless_one_is_refused(page: Browser) -> None:
    token = csrf_of(page.get("/"))

    as_file = page.client.post("/console/reveal", files={"csrf": ("x", b"y")})
    endless = page.client.post("/console/reveal", data={"csrf": token, "x": "y" * 2_100_000})

    assert (as_file.status_code, endless.status_code) == (400, 413)


def test_a_read_only_console_refuses_every_post_and_shows_no_button(connected: Desk) -> None:
    gift = connected.fail_gift()
    with browser(connected, read_only=True) as reader:
        for path in ("/", "/deliveries", "/failures", f"/delivery/aegis/donation/{gift}/created", "/settings"):
            seen = reader.get(path)
            assert seen.status == 200
            assert "Read-only" in seen.words
            assert 'method="post"' not in seen.text, path
        for target in ("/systems/aegis/pause", "/reveal", "/retry/plan", "/settings", "/pickup", "/batches/run"):
            refused = reader.post(target, {"csrf": "any"})
            assert (refused.status, "This console only shows" in refused.words) == (403, True)
    assert connected.stack.tools.state.destination("aegis").paused_by is None


def test_a_token_opens_the_console_to_one_browser_once(connected: Desk) -> None:
    with browser(connected, token="the-token") as first:
        assert first.get("/").status == 403
        assert first.get("/enter?token=wrong").status == 403

        entered = first.client.get("/console/enter?token=the-token")
        cookie = entered.headers["set-cookie"]
        assert first.get("/").status == 200
        first.client.cookies.clear()

        assert first.get("/").status == 403
        assert first.get("/enter?token=the-token").status == 403
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/console" in cookie
    assert "the-token" not in cookie


def test_without_the_session_a_post_does_nothing(connected: Desk) -> None:
    with browser(connected, token="t") as stranger:
        assert stranger.post("/systems/aegis/pause", {"csrf": "x"}).status == 403
    assert connected.stack.tools.state.destination("aegis").paused_by is None


def test_the_colours_lead_back_to_the_console_and_nowhere_else(page: Browser) -> None:
    there = page.client.get("/console/theme/dark", params={"back": "/console/deliveries?state=failed"})
    away = [
        page.client.get("/console/theme/dark", params={"back": back}).headers["location"]
        for back in ("https://evil.example/", "//evil.example/", "/console/\\evil", "/elsewhere", "/console/\r\nx: y")
    ]

    assert there.headers["location"] == "/console/deliveries?state=failed"
    assert set(away) == {"/console/"}
    assert 'data-theme="dark"' in page.get("/").text
