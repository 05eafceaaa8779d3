"""Notes what each part does with tables, queues and mail, and says what its role allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.deployment.template import resources
from tests.workbench import Workbench

QUEUES = {
    "aegis.fifo": "AegisQueue",
    "aegis-dead.fifo": "AegisDeadLetterQueue",
    "virtuous.fifo": "VirtuousQueue",
    "virtuous-dead.fifo": "VirtuousDeadLetterQueue",
    "raisedonors.fifo": "RaiseDonorsQueue",
    "raisedonors-dead.fifo": "RaiseDonorsDeadLetterQueue",
}
SES = {
    "SendEmail": "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*",
    "GetSuppressedDestination": "*",
}
# What SQS calls by another name than its permission.
PERMISSIONS = {"SendMessageBatch": "SendMessage"}


class Recorder:
    """The actions that one part makes, with the resource of each."""

    def __init__(self, bench: Workbench) -> None:
        self.part = ""
        self.made: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        bench.dynamodb.meta.events.register("provide-client-params.dynamodb.*", self._dynamodb)
        bench.sqs.meta.events.register("provide-client-params.sqs.*", self._sqs)

    def _dynamodb(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            for item in params["TransactItems"]:
                [(operation, arguments)] = item.items()
                self._note(f"dynamodb:{operation}Item", arguments["TableName"])
        elif model.name in {"BatchGetItem", "BatchWriteItem"}:
            for table in params["RequestItems"]:
                self._note(f"dynamodb:{model.name}", table)
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            self._note(f"dynamodb:{model.name}", params["TableName"] + index)

    def ses(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Note a call of Amazon SES."""
        self._note(f"ses:{model.name}", SES[model.name])

    def _sqs(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = str(params["QueueUrl"]).rsplit("/", 1)[-1]
        self._note(f"sqs:{PERMISSIONS.get(model.name, model.name)}", QUEUES[name])

    def _note(self, action: str, resource: str) -> None:
        if self.part:
            self.made[self.part].add((action, resource))

    def watch(self, part: str, act: Callable[[], object]) -> None:
        """Note what a part does while it acts."""
        self.part = part
        act()
        self.part = ""


def allowed_to(role: str) -> set[tuple[str, str]]:
    """The actions that a role allows, with the resource of each."""
    return {
        (action, resource_of(resource))
        for statement in _statements(role)
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
    }


def _statements(role: str) -> list[dict[str, Any]]:
    policies = resources("AWS::IAM::Role")[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def resource_of(resource: Any) -> str:
    """The logical id in a reference, followed by the index where it is one."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    if "Fn::Sub" in resource:
        text = resource["Fn::Sub"]
        if isinstance(text, list):
            pattern, given = text
            return str(pattern).replace("${Arn}", resource_of(given["Arn"]))
        return str(text).removeprefix("${").replace(".Arn}", "")
    return str(resource.get("Ref", resource))
