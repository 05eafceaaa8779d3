"""`giftbridge local`: serves the whole product on this machine against any base URLs, until it is told to end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from ops.local_stack.options import LocalOptions
from ops.local_stack.paths import LocalStackError
from ops.local_stack.runner import LocalStack


def _setting(variable: str, words: str) -> typer.models.OptionInfo:
    """An option that may be given as an environment variable instead."""
    option: typer.models.OptionInfo = typer.Option(envvar=f"GIFTBRIDGE_{variable}", help=words)
    return option


def local(
    port: Annotated[int, _setting("PORT", "Port to serve on; 0 takes any free one.")] = 8080,
    state_dir: Annotated[Path, _setting("STATE_DIR", "Folder that keeps everything between runs.")] = Path(".local"),
    raisedonors_url: Annotated[str | None, _setting("RAISEDONORS_URL", "RaiseDonors' base URL.")] = None,
    raisedonors_token: Annotated[str | None, _setting("RAISEDONORS_TOKEN", "RaiseDonors' token.")] = None,
    raisedonors_webhook_token: Annotated[
        str | None,
        _setting("RAISEDONORS_WEBHOOK_TOKEN", "Token of RaiseDonors' webhook; without one, RaiseDonors' token."),
    ] = None,
    aegis_url: Annotated[str | None, _setting("AEGIS_URL", "Aegis' base URL.")] = None,
    aegis_context: Annotated[str | None, _setting("AEGIS_CONTEXT", "Aegis' context.")] = None,
    aegis_username: Annotated[str | None, _setting("AEGIS_USERNAME", "Aegis' user name.")] = None,
    aegis_password: Annotated[str | None, _setting("AEGIS_PASSWORD", "Aegis' password.")] = None,
    virtuous_url: Annotated[str | None, _setting("VIRTUOUS_URL", "Virtuous' base URL.")] = None,
    virtuous_api_key: Annotated[str | None, _setting("VIRTUOUS_API_KEY", "Virtuous' API key.")] = None,
    virtuous_webhook_secret: Annotated[
        str | None, _setting("VIRTUOUS_WEBHOOK_SECRET", "Secret that signs Virtuous' webhooks.")
    ] = None,
    settings: Annotated[
        Path | None, _setting("SETTINGS", "JSON file laid over the current settings; any subset will do.")
    ] = None,
    pickup_every: Annotated[float, _setting("PICKUP_EVERY", "Seconds between pickups, and between sweeps.")] = 60,
    batch_every: Annotated[float, _setting("BATCH_EVERY", "Seconds between batches; 0: only by `batch run`.")] = 0,
    visibility: Annotated[
        float, _setting("VISIBILITY", "Seconds after which the work of a worker that died comes back.")
    ] = 360,
) -> None:
    """Serve the whole stack on this machine. Leaving out a system's options switches that system off.

    Secrets do not belong on a command line: every option can be an environment variable (GIFTBRIDGE_AEGIS_PASSWORD).
    """
    options = LocalOptions(
        port=port,
        state_dir=state_dir,
        raisedonors_url=raisedonors_url,
        raisedonors_token=raisedonors_token,
        raisedonors_webhook_token=raisedonors_webhook_token,
        aegis_url=aegis_url,
        aegis_context=aegis_context,
        aegis_username=aegis_username,
        aegis_password=aegis_password,
        virtuous_url=virtuous_url,
        virtuous_api_key=virtuous_api_key,
        virtuous_webhook_secret=virtuous_webhook_secret,
        settings_file=settings,
        pickup_every=pickup_every,
        batch_every=batch_every,
        visibility=visibility,
    )
    say = _progress()
    try:
        _serve(options, say)
    except LocalStackError as problem:
        print(f"giftbridge local: {problem}", file=sys.stderr)
        raise typer.Exit(problem.exit_code) from None


class _ToldToEndError(BaseException):
    """A signal came while the stack was still starting."""


class _Signals:
    """SIGTERM and Ctrl-C: they break off the start, or end the serving; a second one changes nothing."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.started = False
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.told.is_set():
            return
        self.told.set()
        if not self.started:
            raise _ToldToEndError


def _serve(options: LocalOptions, say: Callable[[str], None]) -> None:
    signals = _Signals()
    stack = LocalStack(options, say)
    try:
        stack.start()
        signals.started = True
        print(f"ready {stack.front_url}", flush=True)
        say(f"functions' logs: {stack.log_file}; end with Ctrl-C or SIGTERM")
        while not signals.told.wait(0.5):
            if not stack.alive():
                raise LocalStackError(f"The emulated AWS ended by itself; see {stack.log_file}.")
    except _ToldToEndError:
        pass
    finally:
        signals.told.set()
        say("stopping")
        stack.stop()


def _progress() -> Callable[[str], None]:
    """Progress goes to stderr: stdout says `ready` and nothing else."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return lambda text: console.print(text, style="dim", markup=False)
    return lambda text: print(text, file=sys.stderr, flush=True)
