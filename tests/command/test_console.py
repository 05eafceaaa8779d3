"""`giftbridge console` serves on this machine alone, at an address that is good once."""

from __future__ import annotations

import re
import socket
import webbrowser
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from tests.command.desk import Desk


class Served:
    """What was served, instead of serving it until Ctrl-C."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = ""
        self.app: Any = None
        self.opened: list[str] = []
        served = self

        def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
            served.host, served.app = sockets[0].getsockname()[0], server.config.app
            raise KeyboardInterrupt

        monkeypatch.setattr(uvicorn.Server, "run", run)
        monkeypatch.setattr(webbrowser, "open", self.opened.append)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(monkeypatch)


def test_one_line_says_where_and_its_token_lets_one_browser_in(connected: Desk, served: Served) -> None:
    answer = connected.run("console", "--port", "0", "--no-open")

    assert (answer.code, served.host, served.opened) == (0, "127.0.0.1", [])
    [line] = answer.out.splitlines()
    address = re.search(r"http://127\.0\.0\.1:\d+/console/enter\?token=\S{40,}", line)
    assert address is not None
    base = address[0].split("/console")[0]
    with TestClient(served.app, base_url=base, follow_redirects=False) as client:
        assert client.get("/console/").status_code == 403
        assert client.get(address[0].removeprefix(base)).status_code == 303
        assert client.get("/console/").status_code == 200
        client.cookies.clear()
        assert client.get(address[0].removeprefix(base)).status_code == 403


def test_it_opens_a_browser_and_answers_machines(connected: Desk, served: Served) -> None:
    answer = connected.run("console", "--port", "0", "--read-only", "--open", "--json")

    assert answer.data["read_only"] is True
    assert served.opened == [answer.data["url"]]


def test_a_taken_port_is_wrong_usage(connected: Desk, served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = connected.run("console", "--port", str(taken.getsockname()[1]), "--no-open")

    assert answer.code == 2
    assert "cannot be used" in answer.err
    assert served.app is None
