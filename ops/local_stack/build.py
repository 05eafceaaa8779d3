"""Builds the real template for this machine with `sam build`, once for each state of what goes into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.local_stack.paths import BUILDS, CHECKOUT, EMULATOR_PYTHON, LAYERS, SAM, UV_FOLDER, LocalStackError, need_tools

INPUTS = (
    "template.yaml",
    "functions",
    "layers/shared",
    "ops/bootstrap.lock",
    "ops/local_stack/sam.lock",
    "ops/local_stack/emulator.lock",
    "ops/local_stack/build.py",
)
KEPT_BUILDS = 4
KEPT_LAYER_SECONDS = 7 * 24 * 3600
# In the built template these properties name a folder; in what is deployed, the uploaded archive of that folder.
CODE_PROPERTIES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class Build:
    """A finished build: the template as SAM wrote it, and an archive for each folder of code it names."""

    folder: Path

    @property
    def name(self) -> str:
        """Says what is in it: the hash of everything that went in."""
        return self.folder.name

    @property
    def template(self) -> dict[str, Any]:
        """The built template."""
        loaded: dict[str, Any] = yaml.safe_load((self.folder / "built" / "template.yaml").read_text())
        return loaded

    def archive(self, logical_id: str) -> Path:
        """The archive of one function's or layer's code."""
        return self.folder / f"{logical_id}.zip"

    def code(self, logical_id: str) -> Path:
        """The folder of one function's or layer's code, as it will lie in Lambda."""
        return self.folder / "built" / logical_id


def local_build() -> Build:
    """The build of the checkout as it is now; made now if there is none yet."""
    need_tools()
    BUILDS.mkdir(exist_ok=True)
    target = BUILDS / f"local-{inputs_hash()}"
    # Whoever comes second waits for the first and finds its build.
    with (BUILDS / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build_into(target)
        os.utime(target)
    _forget_old_builds()
    return Build(target)


def inputs_hash() -> str:
    """A hash of everything that goes into a build."""
    digest = hashlib.sha256(_interpreter().encode())
    for file in sorted(_input_files()):
        digest.update(str(file.relative_to(CHECKOUT)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def code_folders(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each resource that names code, with the property that names it."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] in CODE_PROPERTIES:
            yield logical_id, CODE_PROPERTIES[resource["Type"]]


def _input_files() -> Iterator[Path]:
    for name in INPUTS:
        path = CHECKOUT / name
        if path.is_file():
            yield path
        else:
            yield from (f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)


def _interpreter() -> str:
    """Which interpreter runs the functions: its version and kind decide which wheels fit."""
    lines = (EMULATOR_PYTHON.parent.parent / "pyvenv.cfg").read_text().splitlines()
    return "\n".join(sorted(line for line in lines if line.startswith(("home", "version_info", "implementation"))))


def _build_into(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="making-", dir=BUILDS) as making:
        folder = Path(making) / "build"
        folder.mkdir()
        _run_sam(folder / "built")
        build = Build(folder)
        for logical_id, _property in code_folders(build.template):
            _archive(build.code(logical_id), build.archive(logical_id))
        folder.rename(target)


def _run_sam(build_dir: Path) -> None:
    environment = os.environ | {
        "PATH": f"{UV_FOLDER}{os.pathsep}{os.environ.get('PATH', '')}",
        "GIFTBRIDGE_BUILD": "local",
        "GIFTBRIDGE_PYTHON": str(EMULATOR_PYTHON),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [str(SAM), "build", "--build-dir", str(build_dir), "--template-file", str(CHECKOUT / "template.yaml")],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalStackError(f"`sam build` failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def _archive(folder: Path, archive: Path) -> None:
    """The same content gives the same archive, whenever it was built."""
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                # Level 1: it never leaves this machine.
                packed.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)


def _forget_old_builds() -> None:
    builds = sorted(BUILDS.glob("local-*"), key=lambda b: b.stat().st_mtime, reverse=True)
    for old in builds[KEPT_BUILDS:]:
        shutil.rmtree(old, ignore_errors=True)
        (BUILDS / f".{old.name}.lock").unlink(missing_ok=True)
    for layer in LAYERS.glob("*"):
        if layer.stat().st_mtime < time.time() - KEPT_LAYER_SECONDS:
            shutil.rmtree(layer, ignore_errors=True)
