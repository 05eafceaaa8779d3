"""The template as data, for the tests."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from ops.local_stack.build import code_folders
from ops.local_stack.paths import CHECKOUT

# How the template calls a table that is there already, and the condition that none is.
EXISTING, MAKES = "Existing", "Makes"


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


def as_deployed(template: dict[str, Any], parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A template with the tables that its parameters choose: those it makes, or those that are there already.

    Other choices stay as they are written.
    """
    given = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    given |= parameters or {}
    holds = {name: given[EXISTING + name.removeprefix(MAKES)] == "" for name in template["Conditions"] if MAKES in name}

    def chosen(value: Any) -> Any:
        if isinstance(value, list):
            return [chosen(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value and value["Fn::If"][0] in holds:
            condition, then, otherwise = value["Fn::If"]
            return chosen(then if holds[condition] else otherwise)
        return {name: chosen(one) for name, one in value.items()}

    made = {
        name: chosen(resource)
        for name, resource in template["Resources"].items()
        if holds.get(resource.get("Condition", ""), True)
    }
    return {**chosen(template), "Resources": made}


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
    """The resources of one type, of a stack that makes its own tables."""
    return {name: r for name, r in as_deployed(own_template())["Resources"].items() if r["Type"] == kind}
