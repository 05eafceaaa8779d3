"""What ships: wheels of the right machine and Python, and functions that need nothing but their layer and boto3."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from ops.local_stack.build import Build
from ops.local_stack.paths import CHECKOUT, EMULATOR_PYTHON
from tests.deployment.template import own_template, resources

AARCH64 = 183
HANDLERS = sorted(CHECKOUT.glob("functions/*/handler.py"))
# What the Lambda runtime brings along.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")


def runtime() -> str:
    """The template's Python, e.g. 3.14."""
    return str(own_template()["Globals"]["Function"]["Runtime"]).removeprefix("python")


def test_the_layer_for_aws_holds_arm64_wheels_of_the_templates_runtime(aws_layer: Path) -> None:
    libraries = sorted(aws_layer.rglob("*.so"))

    assert libraries
    for library in libraries:
        head = library.read_bytes()[:20]
        assert (head[:4], struct.unpack_from("<H", head, 18)[0]) == (b"\x7fELF", AARCH64), library
        assert f".cpython-{runtime().replace('.', '')}-aarch64-" in library.name or ".abi3." in library.name


def test_the_layer_for_aws_ships_pyc_files_of_its_runtime_or_none(aws_layer: Path) -> None:
    for compiled in aws_layer.rglob("*.pyc"):
        assert f".cpython-{runtime().replace('.', '')}." in compiled.name


def test_the_layer_holds_the_package_and_keeps_what_importlib_metadata_needs(aws_layer: Path) -> None:
    assert (aws_layer / "giftbridge" / "__init__.py").exists()
    for dist_info in aws_layer.glob("*.dist-info"):
        assert (dist_info / "METADATA").exists()
        assert not (dist_info / "RECORD").exists()
    assert not (aws_layer / "boto3").exists()


def test_the_layer_is_small_enough_for_lambda_with_room_to_spare(aws_layer: Path) -> None:
    size = sum(file.stat().st_size for file in aws_layer.rglob("*") if file.is_file())

    assert size < 50_000_000


def test_the_layers_makefile_builds_for_what_the_template_says() -> None:
    makefile = (CHECKOUT / "layers" / "shared" / "Makefile").read_text()
    layer = resources("AWS::Serverless::LayerVersion")["SharedLayer"]["Properties"]

    assert re.search(r"^RUNTIME_PYTHON := (.+)$", makefile, re.MULTILINE)[1] == runtime()  # type: ignore[index]
    assert "RUNTIME_PLATFORM := aarch64-manylinux2014" in makefile
    assert own_template()["Globals"]["Function"]["Architectures"] == ["arm64"] == layer["CompatibleArchitectures"]
    assert layer["CompatibleRuntimes"] == [f"python{runtime()}"]


def test_the_layer_for_the_local_stack_holds_pyc_files_that_packaging_cannot_make_stale(built: Build) -> None:
    layer = built.code("SharedLayer") / "python"
    package = layer / "giftbridge" / "__init__.py"
    compiled = Path(importlib.util.cache_from_source(str(package)))

    # The flags after the magic number: hash-based (1) and not checked (no 2).
    assert struct.unpack_from("<I", compiled.read_bytes(), 4)[0] == 1


@pytest.fixture(scope="module")
def runtime_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it needs, and nothing else of the test environment."""
    folder = tmp_path_factory.mktemp("runtime")
    site = Path(str(importlib.util.find_spec("boto3").origin)).parent.parent  # type: ignore[union-attr]
    for name in RUNTIME_PACKAGES:
        (folder / name).symlink_to(site / name)
    return folder


@pytest.mark.parametrize("handler", HANDLERS, ids=[handler.parent.name for handler in HANDLERS])
def test_a_built_function_needs_nothing_but_its_layer_and_boto3(
    handler: Path, built: Build, runtime_packages: Path, tmp_path: Path
) -> None:
    functions = resources("AWS::Serverless::Function")
    logical_id = next(
        name
        for name, function in functions.items()
        if function["Properties"]["CodeUri"] == f"functions/{handler.parent.name}/"
    )
    variables = own_template()["Globals"]["Function"]["Environment"]["Variables"]
    code, layer = built.code(logical_id), built.code("SharedLayer") / "python"
    program = (
        f"import sys; sys.path[:0] = [{str(code)!r}, {str(layer)!r}, {str(runtime_packages)!r}]; import handler; "
        "assert callable(handler.lambda_handler); import giftbridge; print(handler.__file__, giftbridge.__file__)"
    )
    done = subprocess.run(
        # Isolated, and without the site-packages of its environment.
        [str(EMULATOR_PYTHON), "-I", "-S", "-c", program],
        env=dict.fromkeys(variables, "1")
        | {"LOG_LEVEL": "INFO", "PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(code / "handler.py"), str(layer / "giftbridge" / "__init__.py")]
