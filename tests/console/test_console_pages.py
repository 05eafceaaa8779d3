"""Every page answers in every state, shows nothing it must not, and breaks for nobody."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from giftbridge.domain.deliveries import Kind
from ops.console.app import console_app, page_routes
from ops.console.shaping import KIND_WORDS
from ops.operating.problems import Unreachable
from ops.operating.stack import Stack
from tests.command.desk import Desk
from tests.console.browsing import BASE, HOME, Browser, Seen, browser
from tests.console.filled import fill

EMPTY = (
    "/", "/?part=1", "/deliveries", "/failures", "/dead-letters", "/find", "/review", "/reconciliation", "/batches",
    "/activity", "/settings", "/settings/edit", "/settings/json", "/settings/history", "/settings/export", "/runbook",
)  # fmt: skip
STRANGE = (
    "/deliveries?state=nonsense", "/deliveries?kind=x", "/deliveries?destination=nowhere", "/deliveries?donor=abc",
    "/deliveries?donor=99999999999999999999999", "/deliveries?day=2026-13-45", "/deliveries?cause=%00%ff",
    "/deliveries?size=1000000", "/deliveries?size=-1", "/deliveries?cursor=garbage", "/deliveries?cursor=eyJ4IjoxfQ",
    "/deliveries?text=" + "x" * 600, "/delivery/nonsense", "/delivery/aegis/donation/987654321/created",
    "/delivery/" + "a/" * 300, "/delivery/aegis/donation/%00/created", "/edit/nonsense", "/edit/a/b/c/d",
    "/donor/abc", "/donor/99999999999999999999", "/donor/424242", "/donor/-1", "/donor/424242/undo", "/donor/%F0%9F",
    "/retry/nonsense", "/run/nonsense", "/run/%2e%2e", "/run/deadbeef", "/run/" + "f" * 300, "/job/nonsense",
    "/case/nonsense", "/case/aegis/donation/987654321/created", "/reconciliation/report/nope",
    "/reconciliation/report/..%2f..%2fsettings", "/reconciliation/csv/nope", "/reconciliation/plan/x",
    "/reconciliation/heal/x", "/reconciliation/accept", "/reconciliation/accept?report=x&difference=y",
    "/dead-letters/delete", "/dead-letters/delete?message=%3Cscript%3E", "/activity?day=yesterday",
    "/activity?day=0001-01-01", "/activity?day=9999-12-31", "/settings/history?from=x&to=y",
    "/settings/history?from=0&to=999999", "/settings/rollback", "/settings/rollback?to=99", "/runbook/..%2f..%2fREADME",
    "/runbook/nonsense", "/runbook/%2e%2e%2fsettings", "/theme/plaid", "/find?q=%27%3B--", "/find?q=" + "%ff" * 100,
    "/nope", "/static/../app.py", "/static/%2e%2e/app.py", "/static/nope.css", "//",
)  # fmt: skip

NONSENSE: tuple[dict[str, str], ...] = (
    {},
    {"id": "nonsense", "which": "selected"},
    {"plan": "x", "case": "x", "choice": "y", "entity": "donor#x"},
    {"destination": "nowhere", "message": "x", "why": "y", "report": "z", "document": "[", "s:nope": "1"},
    {"first": "x", "last": "2026-01-01"},
)


def check(seen: Seen) -> None:
    """What holds for every page."""
    if not seen.headers["content-type"].startswith("text/html"):
        return
    assert not re.search(r"<script(?![^>]*\ssrc=)", seen.text), f"an inline script on {seen.path}"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", seen.text), f"an inline style on {seen.path}"
    assert not re.search(r"(src|href)=\"(https?:)?//", seen.text), f"{seen.path} needs the internet"
    if "part=1" not in seen.path:
        assert len(re.findall(r"<h1\b", seen.text)) == 1
        assert '<main id="content"' in seen.text


def test_every_page_answers_on_a_fresh_stack_and_teaches_what_would_be_there(unconnected: Desk) -> None:
    with browser(unconnected) as page:
        for path in EMPTY:
            seen = page.get(path)
            assert seen.status == 200, f"{path}: {seen.words}"
            check(seen)
        assert "giftbridge connect" in page.get("/").words
        assert "appears here within a minute" in page.get("/deliveries").words
        assert "giftbridge reconcile" in page.get("/reconciliation").words


def test_every_page_answers_on_a_stack_without_virtuous(page: Browser) -> None:
    for path in EMPTY:
        seen = page.get(path)
        assert seen.status == 200, f"{path}: {seen.words}"
        check(seen)


def test_every_page_answers_on_a_busy_stack_and_its_links_lead_somewhere(trio: Desk) -> None:
    filled = fill(trio)
    kept = [secret for name in trio.stack.credentials.secret_ids for secret in _hidden(trio, name)]
    with browser(trio) as page:
        links: set[str] = set()
        for path in filled.paths:
            seen = page.get(path)
            assert seen.status == 200, f"{path}: {seen.words}"
            check(seen)
            assert not [secret for secret in kept if secret in seen.text], path
            links |= seen.links
        visited = {BASE + path for path in filled.paths}
        for link in sorted(links - visited)[::6]:
            seen = page.get(link)
            assert seen.status == 200, f"{link}: {seen.words}"
            check(seen)


def _hidden(at: Desk, system: str) -> list[str]:
    return [value for name, value in at.secret(system).items() if name in {"token", "password", "api_key"}]


def test_a_stranger_gets_a_sentence_and_never_breaks_a_page(page: Browser) -> None:
    for path in STRANGE:
        seen = page.get(path)
        assert seen.status in {200, 400, 404, 409, 414}, f"{path[:80]}: {seen.status}"
        check(seen)
    assert page.get("/deliveries?text=" + "x" * 5_000).status == 414


def test_a_form_that_nobody_made_here_gets_a_sentence_too(page: Browser) -> None:
    token = re.findall(r'name="csrf" value="([^"]+)"', page.get("/").text)[0]
    for route in page_routes():
        if route.method != "POST":
            continue
        path = re.sub(r"\{[^}]+\}", "nonsense", route.path)
        for more in NONSENSE:
            if path in {"/pickup", "/batches/run"}:
                continue
            seen = page.post(path, {"csrf": token, **more})
            assert seen.status in {200, 400, 404, 409, 422}, f"{path} {more}: {seen.status} {seen.words}"


def test_a_stack_that_cannot_be_reached_is_a_sentence() -> None:
    def nothing() -> Stack:
        raise Unreachable("There is no stack ours in us-east-1.", ["Check the name."])

    with TestClient(console_app(nothing), base_url=HOME) as client:
        answer = client.get("/console/")
    assert answer.status_code == 502
    assert "There is no stack ours" in answer.text


def test_the_document_names_every_page() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    missing = [route.path for route in page_routes() if route.method == "GET" and f"`{route.path}`" not in text]
    assert missing == []


def test_each_kind_of_change_has_a_word() -> None:
    assert set(KIND_WORDS) == set(Kind)
