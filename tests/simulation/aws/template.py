"""The account's tables, queues and secrets, made as the template defines them, under their logical names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.deployment.template import as_deployed, own_template
from tests.simulation.aws.dynamodb import DynamoDB
from tests.simulation.aws.secrets import SecretsManager
from tests.simulation.aws.sqs import SQS
from tests.simulation.aws.table import made_table


@cache
def template() -> dict[str, Any]:
    """The template of a stack that makes its own tables, read once; nobody changes it."""
    return as_deployed(own_template())


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The template's resources of one type."""
    return {name: one for name, one in template()["Resources"].items() if one["Type"] == kind}


class Account:
    """AWS in memory. `parameters` of the template may be given; others have their default."""

    def __init__(self, now: Callable[[], float], parameters: Mapping[str, Any] | None = None) -> None:
        self.now = now
        self.parameters = _defaults() | dict(parameters or {})
        self.dynamodb = DynamoDB(now)
        self.sqs = SQS(now)
        self.secrets = SecretsManager()
        for name, table in resources("AWS::DynamoDB::Table").items():
            self.dynamodb.tables[name] = made_table(name, table["Properties"], now)
        self.queue_urls = self._make_queues()
        for name, secret in resources("AWS::SecretsManager::Secret").items():
            self.secrets.create_secret(Name=name, SecretString=secret["Properties"]["SecretString"])

    def value(self, given: Any) -> Any:
        """A value of the template as it is deployed: a parameter's, a queue's address, or a resource's name."""
        if isinstance(given, dict) and set(given) == {"Ref"}:
            name = given["Ref"]
            return self.parameters.get(name, self.queue_urls.get(name, name) if hasattr(self, "queue_urls") else name)
        return given

    def _make_queues(self) -> dict[str, str]:
        urls: dict[str, str] = {}
        queues = resources("AWS::SQS::Queue")
        # A dead-letter queue first: the other names it.
        for name, queue in sorted(queues.items(), key=lambda pair: "RedrivePolicy" in pair[1]["Properties"]):
            attributes: dict[str, str] = {}
            for key, given in queue["Properties"].items():
                if key == "RedrivePolicy":
                    target = given["deadLetterTargetArn"]["Fn::GetAtt"][0]
                    arn = self.sqs.queues[urls[target]].arn
                    most = self.value(given["maxReceiveCount"])
                    attributes[key] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})
                else:
                    value = self.value(given)
                    attributes[key] = str(value).lower() if isinstance(value, bool) else str(value)
            urls[name] = self.sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
        return urls

    def environment(self) -> dict[str, str]:
        """The variables that every function is given."""
        variables = template()["Globals"]["Function"]["Environment"]["Variables"]
        return {name: str(self.value(given)) for name, given in variables.items() if not _is_substituted(given)}


def _defaults() -> dict[str, Any]:
    return {name: one["Default"] for name, one in template()["Parameters"].items() if "Default" in one}


def _is_substituted(given: Any) -> bool:
    return isinstance(given, dict) and "Ref" not in given
