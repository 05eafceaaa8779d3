"""What each function really does with tables and queues is what its role allows: the emulated AWS does not check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.errors import GiftBridgeError
from giftbridge.flows.donor_history import WIRE_SECONDS, DonorHistory, Question
from giftbridge.flows.pickup_hint import PickupHint
from tests.deployment.template import resources
from tests.mail_room import FIRST, SECOND, Killed, mail_room
from tests.workbench import Workbench, workbench

ROLES = {
    "pickup": "DonationPickupRole",
    "sweep": "DeliverySweepRole",
    "worker": "AegisDeliveryRole",
    "mail": "NoticeMailRole",
    "history": "DonorHistoryRole",
    "hint": "RaiseDonorsHintRole",
}
QUEUES = {"aegis.fifo": "AegisQueue", "dead.fifo": "AegisDeadLetterQueue"}
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
        self.made: dict[str, set[tuple[str, str]]] = {part: set() for part in ROLES}
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
            self._note(f"dynamodb:{model.name}", params["TableName"])

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


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """A rough hour: every kind of gift, an outage, lost answers, dead letters, refused credentials."""
    with workbench() as bench:
        watched = Recorder(bench)
        bench.population.build(donors=20)
        kinds = ["adopted", "test_mode", "unknown_fund", "first_of_schedule", "later_of_schedule", "premium", "split"]
        for kind in (*kinds, "one_time", "refunded_before", "unknown_status"):
            bench.give(kind)
        bench.aegis.faults.drop("createTransaction", after_commit=True, count=2)
        for tick in range(8):
            watched.watch("pickup", bench.pickup)
            _work(bench, watched)
            watched.watch("sweep", bench.sweep)
            if tick == 3:
                bench.settings(raisedonors={"test_mode_gifts": "send"})
                bench.give("one_time")
                bench.pickup()
                _leave_to_die(bench)
            if tick == 5:
                bench.aegis.faults.status("*", 401, count=2)
                bench.give("one_time")
            bench.clock.advance(60)
        _mail(bench, watched)
        _answer_over_http(bench, watched)
        yield watched


def _answer_over_http(bench: Workbench, watched: Recorder) -> None:
    """The portal asks for every donor while calls are counted; hints come, and one finds Lambda out of order."""
    bench.settings(limits={"aegis_per_hour": 60_000, "raisedonors_per_hour": 60_000})
    aegis = Aegis(bench.wire("aegis"), bench.aegis.context)
    portal = DonorHistory(bench.tools, RaiseDonors(bench.wire("raisedonors")), aegis)
    for donor in bench.population.donors:
        bench.tools.time_left.restart(WIRE_SECONDS)
        with suppress(GiftBridgeError):
            watched.watch("history", partial(portal.page, Question(donor.donor_id)))

    def refuse() -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": ""}}, "Invoke")

    for start in (lambda: None, refuse):
        watched.watch("hint", PickupHint(bench.tools.state, bench.clock, start).give)
        bench.clock.advance(100)


def _mail(bench: Workbench, watched: Recorder) -> None:
    """Notices: refused, mailed, begun by a process that died, mailed again."""
    room = mail_room(bench)
    room.ses.meta.events.register("provide-client-params.sesv2.*", watched.ses)
    room.tell(FIRST, SECOND)
    room.write()
    room.refuse("MessageRejected")
    watched.watch("mail", room.later)
    room.refuse("MessageRejected", only=SECOND)
    watched.watch("mail", lambda: room.later(10))
    room.write()
    room.kill_at_send(after=True)
    with suppress(Killed):
        watched.watch("mail", room.later)
    watched.watch("mail", room.later)


def _work(bench: Workbench, watched: Recorder) -> None:
    worker = bench.worker()
    for _ in range(60):
        records = bench.receive()
        if not records:
            return
        watched.watch("worker", lambda records=records: worker.work(records))  # type: ignore[misc]
        for record in records:
            bench.sqs.delete_message(QueueUrl=bench.queue_url, ReceiptHandle=record["receiptHandle"])


def _leave_to_die(bench: Workbench) -> None:
    """Receive until the redrive policy takes the messages away."""
    for _ in range(8):
        if not bench.receive():
            return


@pytest.mark.parametrize("part", list(ROLES))
def test_a_function_may_do_what_it_does(recorder: Recorder, part: str) -> None:
    allowed = {
        (action, _resource(resource))
        for statement in _statements(ROLES[part])
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
    }

    assert recorder.made[part], "the part did nothing"
    assert recorder.made[part] - allowed == set()


def _statements(role: str) -> list[dict[str, Any]]:
    policies = resources("AWS::IAM::Role")[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _resource(resource: Any) -> str:
    """The logical id in a reference; an index stands for its table."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    if "Fn::Sub" in resource:
        return str(resource["Fn::Sub"]).removeprefix("${").split(".")[0]
    return str(resource.get("Ref", resource))
