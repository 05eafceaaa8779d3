"""The command as a whole: its help, its way to a stack, its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from typer.testing import CliRunner

from giftbridge.errors import BudgetSpent, LostRace
from ops.command.main import VERBS, LaterCommand, app
from ops.operating.problems import problem_of
from ops.operating.stack import Stack, open_stack
from tests.command.desk import Desk

NO_AWS = {
    "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
    "GIFTBRIDGE_STACK_NAME": "", "GIFTBRIDGE_LOCAL": "",
}  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_is_listed_with_the_first_sentence_of_its_help(name: str) -> None:
    loaded = LaterCommand(name, VERBS[name]).loaded()

    assert str(loaded.help).startswith(VERBS[name].words)


def test_the_list_of_verbs_loads_none_of_them() -> None:
    script = (
        "import sys; from ops.command.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'pydantic', 'requests', 'starlette', 'giftbridge'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stderr == "[]\n"
    assert all(f" {name} " in ran.stdout for name in VERBS)


def test_every_verb_has_a_help_page_with_the_common_options() -> None:
    names = [name for name in VERBS if name not in {"local", "settings", "pickup", "batch", "dlq"}]
    pages = [[name] for name in names]
    pages += [["pickup", "run"], ["batch", "run"], ["dlq", "list"], ["settings", "set"], ["settings", "validate"]]
    for page in pages:
        shown = CliRunner().invoke(app, [*page, "--help"], env={"COLUMNS": "160"}).output
        assert all(option in shown for option in ("--stack-name", "--local", "--json")), page


def test_an_unknown_verb_is_wrong_usage_with_a_suggestion() -> None:
    answer = CliRunner().invoke(app, ["statsu"])

    assert answer.exit_code == 2
    assert "status" in answer.stderr


@pytest.mark.parametrize(
    ("options", "environment", "code", "told"),
    [
        ((), {}, 2, "--stack-name NAME"),
        (("--stack-name", "a", "--local", "http://127.0.0.1:9"), {}, 2, "not both"),
        (("--local", "127.0.0.1:9"), {}, 2, "takes an address"),
        (("--local", "http://127.0.0.1:9"), {"GIFTBRIDGE_STACK_NAME": "a"}, 3, "No local stack answers"),
        ((), {"GIFTBRIDGE_LOCAL": "http://127.0.0.1:9/"}, 3, "No local stack answers at http://127.0.0.1:9."),
        (("--stack-name", "a"), {}, 3, "no AWS credentials"),
        (("--stack-name", "a"), {"AWS_PROFILE": "nobody"}, 3, "nobody"),
        (("--stack-name", "a"), {"AWS_DEFAULT_REGION": ""}, 3, "region"),
    ],
)
def test_a_stack_that_cannot_be_opened_says_how_to(
    options: tuple[str, ...], environment: dict[str, str], code: int, told: str
) -> None:
    env: dict[str, str | None] = {**NO_AWS, **environment}
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        env[name] = env[name] or None

    answer = CliRunner().invoke(app, ["status", "--json", *options], env=env)

    assert answer.exit_code == code, answer
    told_all = json.loads(answer.stdout)
    assert told in " ".join([told_all["error"], *told_all["details"]])


def test_a_local_stack_is_found_by_its_address(connected: Desk) -> None:
    outputs = {
        **connected.stack.outputs,
        **{f"{t}Table": f"{t}Table" for t in ("CrmKeys", "Deliveries", "Activity", "State")},
    }
    told = {
        "endpoint_url": "http://127.0.0.1:9",
        "region": "us-east-1",
        "stack_name": "here",
        "outputs": outputs,
        "pid": 1,
    }
    with _serving(told) as url:
        stack = open_stack(None, f"{url}/")
        broken = CliRunner().invoke(app, ["deliveries", "--local", url])

    assert (stack.name, stack.hint, stack.is_local) == ("here", f"--local {url}", True)
    assert stack.client("sqs").meta.endpoint_url == "http://127.0.0.1:9"
    assert stack.credentials.secret_ids == connected.stack.credentials.secret_ids
    assert broken.exit_code == 3 and "No connection" in broken.stderr


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (NoCredentialsError(), 3, "no AWS credentials"),
        (NoRegionError(), 3, "region"),
        (EndpointConnectionError(endpoint_url="https://x"), 3, "No connection"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetItem"), 3, "GetItem"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetItem"), 3, "credentials"),
        (ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "GetItem"), 3, "slow"),
        (BudgetSpent("10 calls an hour are allowed", cause="budget-spent"), 3, "10 calls"),
        (LostRace("changed meanwhile"), 1, "changed"),
    ],
)
def test_every_expected_error_becomes_a_sentence_with_its_exit_code(error: Exception, code: int, told: str) -> None:
    problem = problem_of(error)

    assert problem is not None and problem.exit_code == code
    assert told in problem.text


def test_an_error_nobody_expected_is_not_hidden() -> None:
    def broken(stack_name: str | None, local: str | None) -> Stack:
        raise ZeroDivisionError

    result = CliRunner().invoke(app, ["status"], obj=broken)

    assert isinstance(result.exception, ZeroDivisionError)
    assert problem_of(ZeroDivisionError()) is None


@contextmanager
def _serving(told: dict[str, Any]) -> Iterator[str]:
    """A front that answers as `giftbridge local` does."""

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/_local/stack"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Front)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
