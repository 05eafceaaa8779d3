"""Where things lie in the checkout, and what goes wrong with a local stack in words a person can act on."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
EMULATOR_PYTHON = CHECKOUT / ".tools" / "emulator" / "bin" / "python"
SAM = CHECKOUT / ".tools" / "sam" / "bin" / "sam"
UV_FOLDER = CHECKOUT / ".tools" / "uv" / "bin"
BUILDS = CHECKOUT / ".build"
LAYERS = BUILDS / "layers"

REGION = "us-east-1"
STACK_NAME = "giftbridge-local"


class LocalStackError(Exception):
    """The local stack cannot run; the text says why and what to do. `exit_code` is for the command line."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def need_tools() -> None:
    """Refuses to go on without what `make setup` installs."""
    for tool in (EMULATOR_PYTHON, SAM, UV_FOLDER / "uv"):
        if not tool.exists():
            raise LocalStackError(f"{tool.relative_to(CHECKOUT)} is missing. Run `make setup` first.")
