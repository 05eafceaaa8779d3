"""`giftbridge local` as somebody at a terminal, or a program, meets it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local_stack.emulator import children_of
from tests.local_stack.conftest import wait_for

COMMAND = "import typer; from ops.local_stack.local_command import local; typer.run(local)"
SYSTEMS = {
    "GIFTBRIDGE_RAISEDONORS_URL": "http://127.0.0.1:9",
    "GIFTBRIDGE_RAISEDONORS_TOKEN": "token",
    "GIFTBRIDGE_PICKUP_EVERY": "3600",
}


@contextmanager
def running(state_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--state-dir", str(state_dir), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | SYSTEMS,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_it_says_ready_on_stdout_and_nothing_else_and_ends_in_order_on_sigterm(tmp_path: Path) -> None:
    with running(tmp_path / "state") as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        emulators = children_of(process.pid)

        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)

    assert ready.startswith("ready http://127.0.0.1:")
    assert rest == ""
    assert process.returncode == 0, errors
    assert emulators
    assert not any(_is_running(pid) for pid in emulators)


def test_the_emulator_ends_and_saves_when_the_command_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "state") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        emulators = children_of(process.pid)
        process.kill()

        wait_for(lambda: not any(_is_running(pid) for pid in emulators))

    assert (tmp_path / "state" / "emulator" / "state" / "dynamodb.json").exists()


def test_a_system_given_in_part_is_refused_with_the_missing_options(tmp_path: Path) -> None:
    with running(tmp_path / "state", "--aegis-url", "http://x", "--aegis-username", "u") as process:
        _out, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert "--aegis-context, --aegis-password" in errors


def test_a_port_that_is_taken_is_said_before_anything_is_built(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running(tmp_path / "state", "--port", port) as process:
            _out, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert f"Port {port} cannot be used" in errors
    assert "--port" in errors


def test_settings_that_are_refused_are_named(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"aegis": {"no_such_setting": 1}}')
    with running(tmp_path / "state", "--settings", str(settings)) as process:
        out, errors = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "no_such_setting" in errors
    assert out == ""


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
