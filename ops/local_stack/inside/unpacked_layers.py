"""Unpacks each layer once, not once for each worker: thousands of files, seconds on a slow disk.

A worker gets a link to the unpacked layer where the emulator would have unpacked its own copy. In Lambda, too, a layer
is one folder that nobody writes to. All stacks of a checkout share the unpacked layers, by the hash of their archives.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

_lock = threading.Lock()


class _Archive(zipfile.ZipFile):
    """An archive that, when it is a layer's, is unpacked once and linked to afterwards."""

    def namelist(self) -> list[str]:
        # The emulator walks a layer's names to see that none leaves the folder; zipfile itself takes care of that.
        return [] if self._is_layer() else super().namelist()

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        if self._is_layer():
            self._link(Path(path))
        else:
            super().extractall(path, members, pwd)

    def _is_layer(self) -> bool:
        return Path(str(self.filename)).name.startswith("layer_")

    def _link(self, wanted: Path) -> None:
        digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        layers = Path(os.environ["EMULATOR_LAYERS"])
        unpacked = layers / digest
        with _lock:
            if not unpacked.exists():
                layers.mkdir(parents=True, exist_ok=True)
                making = Path(tempfile.mkdtemp(prefix="making-", dir=layers))
                super().extractall(making, super().namelist())
                try:
                    making.rename(unpacked)
                except OSError:
                    # Another stack was quicker.
                    shutil.rmtree(making)
        # Layers that no worker was started with for a week are forgotten.
        os.utime(unpacked)
        wanted.rmdir()
        wanted.symlink_to(unpacked, target_is_directory=True)
        Path(str(self.filename)).unlink()


def install() -> None:
    """Makes the emulator's workers use it."""
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=_Archive, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )
