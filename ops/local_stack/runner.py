"""The local stack as one object: start it, use its clients and outputs, stop it; start it again on the same folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

import boto3
import uvicorn
from botocore.config import Config

from ops.local_stack.build import local_build
from ops.local_stack.deploy import deploy
from ops.local_stack.emulator import HOST, Emulator
from ops.local_stack.front import front_app
from ops.local_stack.options import SECRET_FIELDS, LocalOptions
from ops.local_stack.paths import REGION, LocalStackError
from ops.local_stack.settings import bring_in_settings
from ops.local_stack.supervisor import Supervisor
from ops.local_stack.ticker import Ticker
from ops.operating.stack import open_stack

SECRET_OUTPUTS = {"raisedonors": "RaiseDonorsSecret", "aegis": "AegisSecret", "virtuous": "VirtuousSecret"}
# A tick of the local batch is a day's: it does not wait for the setting batch_at.
RUN_NOW = b'{"run": "now"}'
# Notices are mailed every so many pickups, as in the template.
_MAIL_EVERY = 5


class LocalStack:
    """The deployed template on an emulated AWS, with its schedules ticking."""

    def __init__(self, options: LocalOptions, progress: Callable[[str], None] = lambda text: None) -> None:
        options.check()
        self.options = options
        self.outputs: dict[str, str] = {}
        self._progress = progress
        self._emulator = Emulator(options.state_dir.resolve())
        self._supervisor = Supervisor(self._emulator, progress)
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._session: Any = boto3.Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106
            region_name=REGION,
        )
        self._state_lock: IO[str] | None = None
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._server_thread: threading.Thread | None = None
        self._ticker: Ticker | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def front_url(self) -> str:
        """What `--local` takes."""
        if self._socket is None:
            raise LocalStackError("The local stack is not running.")
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    @property
    def endpoint_url(self) -> str:
        """Where the emulated AWS answers."""
        return self._emulator.endpoint_url

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated AWS."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self.endpoint_url,
                    # A batch may run for five minutes, and an invocation must not be repeated because it is slow.
                    config=Config(read_timeout=320, retries={"total_max_attempts": 1}, proxies={}),
                )
            return self._clients[service]

    def worker_pids(self) -> list[int]:
        """Process ids of the functions' workers."""
        return self._emulator.worker_pids()

    @property
    def emulator_pid(self) -> int:
        """Process id of the emulated AWS itself."""
        return self._emulator.pid

    @property
    def log_file(self) -> Path:
        """Where the functions' output and the emulator's own is found."""
        return self._emulator.log_file

    def alive(self) -> bool:
        """False once the emulator has ended for good."""
        return self._supervisor.alive()

    def start(self) -> None:
        """Starts everything, in the order in which one needs the other; on failure, stops what had started."""
        try:
            self._lock_state()
            self._take_port()
            self._progress("building (the first time takes some seconds)")
            build = local_build()
            self._progress("starting the emulated AWS")
            self._emulator.start()
            self._progress("deploying template.yaml")
            self.outputs = deploy(self.client, build, self.options.parameters())
            for system in SECRET_FIELDS:
                self._put_secret(system)
            bring_in_settings(self.client("dynamodb"), self.outputs["StateTable"], self.options)
            self._emulator.save()
            self._supervisor.start()
            self._start_ticker()
            self._start_front()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything; the state is saved and a new start goes on from it."""
        if self._ticker is not None:
            self._ticker.stop()
        self._supervisor.stop()
        if self._server is not None and self._server_thread is not None:
            self._server.should_exit = True
            self._server_thread.join(5)
        if self._socket is not None:
            self._socket.close()
        try:
            self._emulator.stop()
        finally:
            if self._ticker is not None:
                self._ticker.join(2)
            self._ticker = self._server = self._server_thread = self._socket = None
            self._clients.clear()
            if self._state_lock is not None:
                self._state_lock.close()
                self._state_lock = None

    def _lock_state(self) -> None:
        folder = self.options.state_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._state_lock = (folder / "lock").open("w")
            fcntl.flock(self._state_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalStackError(
                f"Another local stack uses {folder}. Stop it, or give another --state-dir.", exit_code=2
            ) from None
        except OSError as problem:
            raise LocalStackError(f"--state-dir {folder} cannot be used: {problem.strerror}", exit_code=2) from problem

    def _take_port(self) -> None:
        """Early: a port that is taken should not be found out after a build."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, self.options.port))
        except (OSError, OverflowError) as problem:
            raise LocalStackError(
                f"Port {self.options.port} cannot be used ({problem}). Choose another with --port, or 0 for any.",
                exit_code=2,
            ) from problem

    def _put_secret(self, system: str) -> None:
        secrets = self.client("secretsmanager")
        wanted = self.options.secret(system)
        name = self.outputs[SECRET_OUTPUTS[system]]
        stored = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        # A new version tells the product that credentials changed: none is written without a change.
        if stored != wanted:
            secrets.put_secret_value(SecretId=name, SecretString=json.dumps(wanted))

    def _start_ticker(self) -> None:
        every = {
            "DonationPickupFunction": self.options.pickup_every,
            "DeliverySweepFunction": self.options.pickup_every,
            "NoticeMailFunction": _MAIL_EVERY * self.options.pickup_every,
            "DailyBatchFunction": self.options.batch_every,
        }
        ticking = {self.outputs[name]: seconds for name, seconds in every.items() if seconds}
        payloads = {self.outputs["DailyBatchFunction"]: RUN_NOW}
        self._ticker = Ticker(self.client("lambda"), ticking, self._progress, payloads)
        self._ticker.start()

    def _start_front(self) -> None:
        app = front_app(
            self.endpoint_url,
            self.outputs,
            self.alive,
            lambda: self.client("lambda"),
            lambda: open_stack(local=self.front_url),
        )
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2))
        self._server = server
        self._server_thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="front"
        )
        self._server_thread.start()
        while not server.started:
            if not self._server_thread.is_alive():
                raise LocalStackError(f"The server on {self.front_url} ended at once.")
            with contextlib.suppress(RuntimeError):
                self._server_thread.join(0.01)
