"""An operator's desk: the command itself over a workbench, with the parts of AWS that the workbench lacks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import requests
from moto import mock_aws
from moto.core.config import default_user_config
from typer.testing import CliRunner

from giftbridge.clients.http import new_session
from giftbridge.credentials import Credentials
from ops.command.main import app
from ops.operating.stack import Stack
from tests.command.aws import LambdaOfAws, SqsWithRedrive
from tests.virtuous_bench import VirtuousBench, virtuous_bench
from tests.workbench import Workbench, workbench

RAISEDONORS_URL, AEGIS_URL, VIRTUOUS_URL = "https://raisedonors.test", "https://aegis.test", "https://virtuous.test"
BATCH_SCHEDULE = "batch-every-minute"
SECRETS = {"raisedonors": "RaiseDonorsSecret", "aegis": "AegisSecret", "virtuous": "VirtuousSecret"}
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
    with_virtuous: VirtuousBench | None = None

    @property
    def both(self) -> VirtuousBench:
        """The workbench with Virtuous, on a desk that has it."""
        assert self.with_virtuous is not None
        return self.with_virtuous

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
            self.put_secret(system, secret)
        for rule in RULES.values():
            self.events.enable_rule(Name=rule)
        bench.clock.advance(61)

    def put_secret(self, system: str, values: dict[str, Any]) -> None:
        """Store what a secret holds, without trying it."""
        secret_id = self.stack.credentials.secret_ids[system]
        self.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(values))

    def refund_made_by_staff(self) -> tuple[int, int]:
        """A gift that others sent and that is refunded when first seen, and the number of staff's refund in Aegis."""
        bench = self.bench
        known = bench.population.make_donor("new_person")
        given = bench.give(donor=known)
        bench.run()
        [recorded] = bench.transactions_of(given)
        gift = bench.give("adopted", donor=known)
        amount = bench.raisedonors.store.gifts.entry(gift).latest.members["amount"]
        bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
        number = bench.aegis.store.new_invoice_number()
        by_staff = dataclasses.replace(
            recorded, invoice_number=number, total=-amount, happened=bench.clock(), via_api=False
        )
        bench.aegis.store.add_transaction(by_staff)
        bench.run(ticks=2)
        return gift, number

    def fail_gift(self, kind: str = "unknown_fund") -> int:
        """A gift that fails; its id."""
        gift = self.bench.give(kind)
        self.bench.run()
        return gift


@contextmanager
def desk() -> Iterator[Desk]:
    """A desk with a stack in AWS that is deployed, of a template without Virtuous, and not connected yet."""
    with _mocked_aws(), workbench() as bench:
        yield _desk(bench, None)


@contextmanager
def virtuous_desk() -> Iterator[Desk]:
    """A desk with a stack that knows Virtuous too; nothing is connected, and Virtuous is switched off."""
    with _mocked_aws(), virtuous_bench(with_aegis=True) as both:
        both.bench.settings(virtuous={"enabled": False})
        both.virtuous.store.outbox.subscriptions.clear()
        yield _desk(both.bench, both)


def _desk(bench: Workbench, both: VirtuousBench | None) -> Desk:
    secrets = own_client("secretsmanager")
    events = own_client("events")
    scheduler = own_client("scheduler")
    known = SECRETS if both is not None else {name: SECRETS[name] for name in ("raisedonors", "aegis")}
    ids = {system: _make_secret(secrets, "ours", output) for system, output in known.items()}
    queues = {"aegis": bench.tools.queue, **({n: t.queue for n, t in both.tools.items()} if both else {})}
    outputs = _virtuous_outputs(both, ids) if both is not None else {}
    if both is not None:
        _make_schedule(scheduler)
    for rule in RULES.values():
        events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="DISABLED")
    clients: dict[str, Any] = {
        "lambda": LambdaOfAws(bench),
        "sqs": SqsWithRedrive(bench.sqs, {queue.dead_letter_url: queue.url for queue in queues.values()}),
        "scheduler": scheduler,
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
            "DailyBatchFunction": "batch-function",
            "RaiseDonorsSecret": ids["raisedonors"],
            "RaiseDonorsWebhookUrl": "https://api.test/webhooks/raisedonors",
            "AegisSecret": ids["aegis"],
            **RULES,
            **outputs,
        },
        client=clients.__getitem__,
        tools=bench.tools,
        versions=bench.versions,
        credentials=Credentials(secrets, ids, bench.clock),
        queues=queues,
        new_session=_session_of(bench),
        sleep=bench.clock.advance,
    )
    return Desk(bench, stack, clients["lambda"], clients["sqs"], secrets, events, with_virtuous=both)


def _virtuous_outputs(both: VirtuousBench, ids: dict[str, str]) -> dict[str, str]:
    urls = {
        f"{title}{kind}QueueUrl": url
        for system, title in (("virtuous", "Virtuous"), ("raisedonors", "RaiseDonors"))
        for kind, url in zip(("", "DeadLetter"), both.queues[system], strict=True)
    }
    return {
        **urls,
        "VirtuousSecret": ids["virtuous"],
        "VirtuousWebhookUrl": "https://api.test/webhooks/virtuous",
        "DailyBatchSchedule": BATCH_SCHEDULE,
    }


def _make_schedule(scheduler: Any) -> None:
    scheduler.create_schedule(
        Name=BATCH_SCHEDULE,
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
        Target={
            "Arn": "arn:aws:lambda:us-east-1:123456789012:function:batch",
            "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
        },
    )


def make_twin(at: Desk, system: str) -> None:
    """Another stack of the account with the same credentials."""
    secret_id = _make_secret(at.secrets, "theirs", SECRETS[system])
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
        if "virtuous" in bench.adapters:
            session.mount(VIRTUOUS_URL, bench.adapters["virtuous"])
        return session

    return make
