"""Dependencies are locked with hashes, the locks agree, and nothing names a package registry."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from ops.local_stack.paths import CHECKOUT

PROJECT = "requirements.lock"
LAYER = "layers/shared/python/requirements.txt"
LOCKS = (PROJECT, LAYER, "ops/bootstrap.lock", "ops/local_stack/emulator.lock", "ops/local_stack/sam.lock")
# In two parts each, or this file would be a finding itself.
REGISTRY_HOSTS = tuple(
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
)


def pinned(lock: str) -> dict[str, set[str]]:
    """Each package of a lock with its version; several where they depend on the platform."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (CHECKOUT / lock).read_text(), re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_pinned_with_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (CHECKOUT / lock).read_text().strip())

    assert len(blocks) == sum(len(versions) for versions in pinned(lock).values()) > 0
    for block in blocks:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_layer_holds_the_versions_that_are_tested() -> None:
    tested, shipped = pinned(PROJECT), pinned(LAYER)

    assert shipped == {name: tested[name] for name in shipped}


def test_the_layer_holds_everything_the_project_names_and_no_boto3() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[<>=!~\[ ]", requirement, maxsplit=1)[0].lower() for requirement in project["dependencies"]}

    assert named <= set(pinned(LAYER))
    assert not {"boto3", "botocore"} & set(pinned(LAYER))


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    naming = [
        name
        for name in filter(None, listed)
        if (CHECKOUT / name).is_file()
        and any(host in (CHECKOUT / name).read_text(errors="replace") for host in REGISTRY_HOSTS)
    ]

    assert naming == []
