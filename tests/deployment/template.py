"""The template as data, for the tests."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import yaml

from ops.local_stack.build import code_folders
from ops.local_stack.paths import CHECKOUT


class _Loader(yaml.SafeLoader):
    """Understands CloudFormation's short forms (!Ref, !GetAtt, !Sub ...) as their long ones."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def own_template() -> dict[str, Any]:
    """template.yaml as it lies in the checkout."""
    return copy.deepcopy(_read_once())


@cache
def _read_once() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((CHECKOUT / "template.yaml").read_text(), Loader=_Loader)  # noqa: S506
    return loaded


def comparable(template: dict[str, Any]) -> dict[str, Any]:
    """A template without where its code lies, and without the note that SAM's build leaves on each resource."""
    bare = copy.deepcopy(template)
    for logical_id, code in code_folders(bare):
        del bare["Resources"][logical_id]["Properties"][code]
    for resource in bare["Resources"].values():
        resource.get("Metadata", {}).pop("SamResourceId", None)
        if not resource.get("Metadata", True):
            del resource["Metadata"]
    return bare


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The template's resources of one type."""
    return {name: r for name, r in own_template()["Resources"].items() if r["Type"] == kind}
