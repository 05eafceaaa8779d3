"""What each function really does with tables and queues is what its role allows: the emulated AWS does not check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest
from botocore.exceptions import ClientError

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.errors import GiftBridgeError
from giftbridge.flows.donor_history import WIRE_SECONDS, DonorHistory, Question
from giftbridge.flows.pickup_hint import PickupHint
from giftbridge.flows.vitals import VitalSigns
from tests.deployment.recorder import Recorder, allowed_to
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
            watched.watch("sweep", VitalSigns(bench.tools, ["aegis"]).take)
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
    assert recorder.made[part], "the part did nothing"
    assert recorder.made[part] - allowed_to(ROLES[part]) == set()
