"""The emulator as a child process: started on a loopback port, ended in order, its state kept in a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from ops.local_stack.paths import EMULATOR_PYTHON, LAYERS, REGION, LocalStackError, need_tools

SCRIPT = Path(__file__).parent / "inside" / "emulator_with_redrive.py"
HOST = "127.0.0.1"
START_SECONDS = 30
STOP_SECONDS = 30
SAVE_SECONDS = 20
# The functions see the emulator's environment: they get what a program needs to run, and none of its owner's secrets.
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


class Emulator:
    """One emulator process over one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "emulator"
        self.log_file = state_dir / "logs" / "emulator.log"
        self._journal = self._folder / "journal"
        self._start_log = state_dir / "logs" / "emulator.start.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def endpoint_url(self) -> str:
        """Where the emulated AWS answers."""
        return f"http://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        if self._process is None:
            raise LocalStackError("The emulator is not running.")
        return self._process.pid

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        need_tools()
        for folder in (self._folder / "state", self._folder / "s3", self._folder / "tmp", self.log_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._clear_leavings()
        self._choose_port()
        with self._start_log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(EMULATOR_PYTHON), "-u", str(SCRIPT)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the parent only, which then ends this process in order.
                start_new_session=True,
            )
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def save(self) -> None:
        """Saves the whole state now. Without it, a kill would leave the tables' rows but no tables to hold them."""
        before = self._journal.stat().st_ino
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + SAVE_SECONDS
        while self._journal.stat().st_ino == before:
            if time.monotonic() > deadline:
                raise LocalStackError(f"The emulator did not save its state; see {self.log_file}.")
            time.sleep(0.01)

    def running(self) -> bool:
        """False once the process has ended, for whatever reason."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the process so that it saves its state; functions that run get a few seconds to finish."""
        process, self._process = self._process, None
        self._port = 0
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise LocalStackError(f"The emulator did not end and was killed; see {self.log_file}.") from None

    def worker_pids(self) -> list[int]:
        """Process ids of the functions' workers: the emulator's children."""
        return children_of(self.pid)

    def _choose_port(self) -> None:
        """The port of last time if it is free: queue URLs contain it, and clients keep it over a restart."""
        if self._port:
            if not _is_free(self._port):
                raise LocalStackError(f"Port {self._port} of the emulator is taken.")
            return
        remembered = self._folder / "port"
        before = int(remembered.read_text()) if remembered.exists() else 0
        self._port = before if before and _is_free(before) else _free_port()
        if before and self._port != before:
            self._move_state(before, self._port)
        remembered.write_text(str(self._port))

    def _move_state(self, before: int, now: int) -> None:
        for file in (self._folder / "state").glob("*.json"):
            text = file.read_text()
            moved = text.replace(f"{HOST}:{before}", f"{HOST}:{now}")
            if moved != text:
                file.write_text(moved)

    def _clear_leavings(self) -> None:
        """Functions that were killed leave their unpacked code behind."""
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        (self._folder / "tmp").mkdir()

    def _environment(self) -> dict[str, str]:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "GATEWAY_PORT": str(self._port),
            # Without these two it listens on every network of the machine.
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder / "s3"),
            "TMPDIR": str(self._folder / "tmp"),
            # Listeners on fixed ports that nothing here uses: two stacks would dispute them.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # At its start and end it removes containers that look like its own: none of anybody's business here.
            "DOCKER_HOST": "unix:///nonexistent",
            "EMULATOR_LAYERS": str(LAYERS),
            "EMULATOR_JOURNAL": str(self._journal),
            "EMULATOR_LOG": str(self.log_file),
            "EMULATOR_PARENT": str(os.getpid()),
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return environment

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running():
                reason = self._start_log.read_text(errors="replace").strip().splitlines()[-1:]
                raise LocalStackError(f"The emulator ended at once: {' '.join(reason)} (see {self._start_log})")
            if _answers(f"{self.endpoint_url}/_ministack/health"):
                return
            time.sleep(0.05)
        raise LocalStackError(f"The emulator did not answer within {START_SECONDS} s; see {self.log_file}.")


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process, from the kernel's list or, where there is none, from ps."""
    tasks = Path(f"/proc/{pid}/task")
    if tasks.exists():
        found: list[int] = []
        for task in tasks.iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
        return sorted(found)
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout  # noqa: S607
    pairs = (line.split() for line in listing.splitlines())
    return sorted(int(child) for child, parent in pairs if int(parent) == pid)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
