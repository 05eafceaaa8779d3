"""Both builds of the template, made once for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops.local_stack.build import Build, local_build
from ops.local_stack.paths import CHECKOUT, SAM


@pytest.fixture(scope="session")
def aws_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer's `python` folder as `make build` makes it for AWS."""
    target = tmp_path_factory.mktemp("aws") / "build"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIFTBRIDGE_")}
    done = subprocess.run(
        [str(SAM), "build", "--build-dir", str(target), "SharedLayer"],
        cwd=CHECKOUT,
        env=environment
        | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
        # What `make build` sets, so that uv is found.
        | {"PATH": f"{CHECKOUT / '.tools/uv/bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "SharedLayer" / "python"


@pytest.fixture(scope="session")
def built() -> Build:
    """The build for the local stack."""
    return local_build()
