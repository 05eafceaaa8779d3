"""An operator's desk: the command itself over a workbench, with the parts of AWS that the workbench lacks."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import requests
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.config import default_user_config
from typer.testing import CliRunner

from giftbridge.clients.http import new_session
from giftbridge.credentials import Credentials
from ops.command.main import app
from ops.operating.stack import Stack
from tests.workbench import Workbench, workbench

RAISEDONORS_URL, AEGIS_URL = "https://raisedonors.test", "https://aegis.test"
RULES = {
    "DonationPickupRule": "pickup-every-minute",
    "DeliverySweepRule": "sweep-every-minute",
    "NoticeMailRule": "notice-mail-every-five-minutes",
}


@cache
def own_client(service: str) -> Any:
    """A client of the mocked AWS, made once."""
    return _session().client(service)


@cache
def _session() -> Any:
    """One session for all tests: reading AWS' service models anew would take longer than a test."""
    return boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@contextmanager
def _mocked_aws() -> Iterator[None]:
    """The mocked AWS around the workbench's own, which then finds boto3's default session as it is left here."""
    core: Any = {"core": default_user_config["core"] | {"reset_boto3_session": False}}
    before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, _session()
    try:
        with mock_aws(config=core):
            yield
    finally:
        boto3.DEFAULT_SESSION = before


@dataclass(frozen=True)
class Answer:
    """What a verb answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The answer as JSON: nothing else may be on stdout."""
        return json.loads(self.out)


class LambdaOfAws:
    """AWS Lambda: invoking the pickup runs it as its handler does."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.fails = False

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:
        assert (FunctionName, InvocationType) == ("pickup-function", "RequestResponse")
        if self.fails:
            text = json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(text.encode())}
        answer = dataclasses.asdict(self.bench.pickup())
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class SqsWithRedrive:
    """SQS with message move tasks, which moto lacks. A task has moved everything when it is asked for a second time."""

    def __init__(self, sqs: Any, source: str, target: str) -> None:
        self._sqs, self._source, self._target = sqs, source, target
        self.tasks: list[dict[str, Any]] = []
        self.failure: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def start_message_move_task(self, *, SourceArn: str) -> dict[str, Any]:
        if any(task["Status"] == "RUNNING" for task in self.tasks):
            code = "AWS.SimpleQueueService.UnsupportedOperation"
            raise ClientError({"Error": {"Code": code, "Message": "a task is active"}}, "StartMessageMoveTask")
        count = int(self._sqs.get_queue_attributes(QueueUrl=self._source, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessages"
        ])  # fmt: skip
        self.tasks.insert(0, {"Status": "RUNNING", "SourceArn": SourceArn, "ApproximateNumberOfMessagesToMove": count})
        return {"TaskHandle": "handle"}

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:
        shown = [dict(task) for task in self.tasks[:MaxResults]]
        if self.tasks and self.tasks[0]["Status"] == "RUNNING":
            self._move(self.tasks[0])
        return {"Results": shown}

    def _move(self, task: dict[str, Any]) -> None:
        if self.failure is not None:
            task |= {"Status": "FAILED", "FailureReason": self.failure}
            return
        moved = 0
        while messages := self._sqs.receive_message(
            QueueUrl=self._source, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._sqs.send_message(
                    QueueUrl=self._target,
                    MessageBody=message["Body"],
                    MessageGroupId=message["Attributes"]["MessageGroupId"],
                    MessageDeduplicationId=message["MessageId"],
                )
                self._sqs.delete_message(QueueUrl=self._source, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        task |= {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": moved}


@dataclass
class Desk:
    """An operator with one stack."""

    bench: Workbench
    stack: Stack
    lambda_of_aws: LambdaOfAws
    sqs: SqsWithRedrive
    secrets: Any
    events: Any
    opened: list[tuple[str | None, str | None]] = field(default_factory=list)
    before_who_is_known: Callable[[], None] = lambda: None

    def run(self, *arguments: str, input: str | None = None, env: dict[str, str] | None = None) -> Answer:
        """Run a verb as a person would type it."""

        def open_it(stack_name: str | None, local: str | None) -> Stack:
            self.opened.append((stack_name, local))
            return dataclasses.replace(self.stack, client=self.client)

        result = CliRunner().invoke(app, list(arguments), input=input, env=env, obj=open_it)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def client(self, service: str) -> Any:
        """The stack's clients; STS is asked once the plan is made, so that tests can act in between."""
        if service == "sts":
            self.before_who_is_known()
        return self.stack.client(service)

    def json(self, *arguments: str) -> Any:
        """What a verb that ends well answers a machine."""
        answer = self.run(*arguments, "--json")
        assert answer.code == 0, answer
        return answer.data

    def secret(self, system: str) -> dict[str, Any]:
        """What is stored for a system."""
        stored = self.secrets.get_secret_value(SecretId=self.stack.credentials.secret_ids[system])["SecretString"]
        values: dict[str, Any] = json.loads(stored)
        return values

    def connect_both(self) -> None:
        """Store credentials that work."""
        bench = self.bench
        values = {
            "raisedonors": {"url": RAISEDONORS_URL, "token": bench.raisedonors.token},
            "aegis": {
                "url": AEGIS_URL,
                "context": bench.aegis.context,
                "username": bench.aegis.username,
                "password": bench.aegis.password,
            },
        }
        for system, secret in values.items():
            secret_id = self.stack.credentials.secret_ids[system]
            self.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(secret))
        for rule in RULES.values():
            self.events.enable_rule(Name=rule)
        bench.clock.advance(61)

    def fail_gift(self, kind: str = "unknown_fund") -> int:
        """A gift that fails; its id."""
        gift = self.bench.give(kind)
        self.bench.run()
        return gift


@contextmanager
def desk() -> Iterator[Desk]:
    """A desk with a stack in AWS that is deployed and not connected yet."""
    with _mocked_aws(), workbench() as bench:
        secrets = own_client("secretsmanager")
        events = own_client("events")
        ids = {
            system: _make_secret(secrets, "ours", output)
            for system, output in (("raisedonors", "RaiseDonorsSecret"), ("aegis", "AegisSecret"))
        }
        for rule in RULES.values():
            events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="DISABLED")
        clients: dict[str, Any] = {
            "lambda": LambdaOfAws(bench),
            "sqs": SqsWithRedrive(bench.sqs, bench.dead_letter_url, bench.queue_url),
            "secretsmanager": secrets,
            "events": events,
            "sts": own_client("sts"),
        }
        stack = Stack(
            name="ours",
            hint="--stack-name ours",
            is_local=False,
            outputs={
                "AegisQueueUrl": bench.queue_url,
                "AegisDeadLetterQueueUrl": bench.dead_letter_url,
                "DonationPickupFunction": "pickup-function",
                "RaiseDonorsSecret": ids["raisedonors"],
                "RaiseDonorsWebhookUrl": "https://api.test/webhooks/raisedonors",
                "AegisSecret": ids["aegis"],
                **RULES,
            },
            client=clients.__getitem__,
            tools=bench.tools,
            versions=bench.versions,
            credentials=Credentials(secrets, ids, bench.clock),
            new_session=_session_of(bench),
            sleep=bench.clock.advance,
        )
        yield Desk(bench, stack, clients["lambda"], clients["sqs"], secrets, events)


def make_twin(at: Desk, system: str) -> None:
    """Another stack of the account with the same credentials."""
    output = {"raisedonors": "RaiseDonorsSecret", "aegis": "AegisSecret"}[system]
    secret_id = _make_secret(at.secrets, "theirs", output)
    at.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(at.secret(system)))


def _make_secret(secrets: Any, stack_name: str, output: str) -> str:
    tags = {"aws:cloudformation:stack-name": stack_name, "aws:cloudformation:logical-id": output}
    arn: str = secrets.create_secret(
        Name=f"{stack_name}-{output}",
        SecretString="{}",
        Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
    )["ARN"]
    return arn


def _session_of(bench: Workbench) -> Callable[[], requests.Session]:
    def make() -> requests.Session:
        session = new_session(backoff=0.0)
        session.mount(RAISEDONORS_URL, bench.adapters["raisedonors"])
        session.mount(AEGIS_URL, bench.adapters["aegis"])
        return session

    return make
