"""Virtuous on the demo's day: its staff runs imports, its webhooks go astray, the batch runs again and again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.demo.product import count_open, read_conflicts, sent_ids
from ops.demo.storm import Storm, populate
from ops.demo.virtuous_changes import VirtuousChanges
from ops.local_stack.runner import LocalStack
from ops.simulators.aegis_store import AegisStore
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population import Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_import import ImportChoices, ImportResult
from ops.simulators.virtuous_outbox import Mishap
from ops.simulators.virtuous_population import VirtuousPopulation
from ops.simulators.virtuous_records import RowState
from ops.simulators.virtuous_settings import VirtuousSettings
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_edits import Beside, reads_of
from ops.simulators.virtuous_tally_result import VirtuousTally

PER_HOUR = 72_000
"""Calls to Virtuous in an hour: so many that the storm is over in about a minute."""
WEBHOOK_SECRET = "the demo's subscription"  # noqa: S105 - of a simulated subscription
BATCH_EVERY_SECONDS = 8.0
IMPORT_AFTER_SECONDS = 3.0
LEFT_HELD = 0.15
"""The part of the rows that staff leaves for the next import."""
UNHEARD = 3
PAST = "2026-01-01T00:00:00.000000Z"


class VirtuousSide:
    """The simulated Virtuous, the people who work there, and what is counted of it."""

    def __init__(
        self, seed: int, contract: Path, raisedonors: RaiseDonorsSimulator, aegis: AegisStore, population: Population
    ) -> None:
        settings = VirtuousSettings(calls_per_hour=PER_HOUR, repeat_after=(1.0, 2.0, 4.0, 8.0))
        self.simulator = VirtuousSimulator(check=TrafficCheck(contract), settings=settings, seed=seed)
        self.contacts = VirtuousPopulation(seed, raisedonors.store, self.simulator.store)
        self.changes = VirtuousChanges(seed, raisedonors.store, aegis, self.simulator, population)
        self.storm = Storm(raisedonors.store, self.simulator, PER_HOUR)
        self.storm_contacts: list[int] = []
        self.batches = self.imports = 0
        self._chance = random.Random(seed)  # noqa: S311 - the same seed plays the same day
        self._raisedonors = raisedonors
        self._population = population
        self._ended = threading.Event()

    def populate(self, storm: int) -> None:
        """Contacts for the donors there are, strangers, and those that the storm is going to strike."""
        self.contacts.build()
        made = populate(self._population, self.contacts, storm + UNHEARD)
        self.storm_contacts, self.changes.unheard = made[:storm], made[storm:]
        self.changes.spared = frozenset(made)
        # None of the strangers to Aegis whom the day's other edits pick from.
        for contact in self.contacts.contacts[-len(made) :]:
            self._raisedonors.store.expected_partners.pop(contact.donor_ids[0], None)

    @contextmanager
    def at_work(self, stack: LocalStack) -> Iterator[None]:
        """While it lasts webhooks are sent, batches run, and staff imports most of what they brought."""
        self.simulator.subscribe(f"{stack.front_url}/webhooks/virtuous", WEBHOOK_SECRET)
        outbox = self.simulator.store.outbox
        outbox.mishap(Mishap.DOUBLED, probability=0.05, seconds=0.5)
        outbox.mishap(Mishap.DELAYED, probability=0.05, seconds=2.0)
        outbox.mishap(Mishap.OVERTAKEN, probability=0.05)
        desk = threading.Thread(target=self._work, args=(stack,), daemon=True, name="virtuous-desk")
        with self.simulator.sender.running(threads=3):
            desk.start()
            try:
                yield
            finally:
                self._ended.set()
                desk.join()

    def lose_some_answers(self) -> None:
        """Each of these leaves open whether the import tool, the gift or the contact has what was sent."""
        faults = self.simulator.faults
        for operation in ("submitGiftTransactions", "submitContactBatch", "reverseGift"):
            faults.add(FaultRule(FaultKind.DROP_AFTER, operation, count=1))
            faults.add(FaultRule(FaultKind.STATUS_AFTER, operation, count=1, status=502))
        faults.add(FaultRule(FaultKind.DROP_BEFORE, "getContact", count=3, probability=0.05))
        faults.add(FaultRule(FaultKind.STATUS_BEFORE, "getContact", count=3, probability=0.05, status=500))

    def end_desk(self) -> None:
        """No more batches and imports by the clock."""
        self._ended.set()

    def batch(self, stack: LocalStack) -> None:
        """The daily batch, now."""
        client = stack.client("lambda")
        client.invoke(FunctionName=stack.outputs["DailyBatchFunction"], Payload=b'{"run": "now"}')["Payload"].read()
        self.batches += 1

    def close_the_day(self, stack: LocalStack) -> None:
        """One batch, waited for, and the import of all that is held."""
        self.batch(stack)
        _wait(lambda: count_open(stack, "virtuous") == 0, 20)
        self._import(ImportChoices(on_update_needed="import"))

    def let_an_hour_pass(self, stack: LocalStack) -> None:
        """The query of modified contacts falls due, which it does every hour."""
        stack.client("dynamodb").update_item(
            TableName=stack.outputs["StateTable"],
            Key={"name": {"S": "cursor#contacts"}},
            UpdateExpression="SET #next = :past",
            ExpressionAttributeNames={"#next": "next"},
            ExpressionAttributeValues={":past": {"S": PAST}},
        )

    def let_a_day_pass(self, stack: LocalStack) -> None:
        """The look-ups of held rows, which grow rare, fall due; one that has landed meanwhile needs none."""
        client = stack.client("dynamodb")
        for delivery_id in sent_ids(stack):
            with suppress(client.exceptions.ConditionalCheckFailedException):
                client.update_item(
                    TableName=stack.outputs["DeliveriesTable"],
                    Key={"id": {"S": delivery_id}},
                    UpdateExpression="SET due = :past",
                    ConditionExpression="#state = :sent",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={":past": {"S": PAST}, ":sent": {"S": "sent"}},
                )

    def result(self, expected: list[int]) -> VirtuousTally:
        """Fields and gifts on both sides, without the fate of each single edit."""
        return virtuous_tally(self._raisedonors.store, self.simulator.store, expected_gifts=expected)

    def whole_result(self, stack: LocalStack, expected: list[int]) -> VirtuousTally:
        """The same with each edit's fate, the conflicts that the product tells of, and its echoes."""
        beside = Beside(
            read_conflicts(stack),
            reads_of(self.simulator.log, "getContact"),
            reads_of(self._raisedonors.log, "getDonor"),
        )
        stores = self._raisedonors.store, self.simulator.store
        return virtuous_tally(*stores, expected_gifts=expected, beside=beside)

    def held(self) -> int:
        """Rows that wait for the import."""
        with self.simulator.store.lock:
            return sum(row.state is RowState.HELD for row in self.simulator.store.rows)

    def is_quiet(self) -> bool:
        """Whether every webhook was sent and every edit on two sides was made."""
        return self.simulator.store.outbox.open_count == 0 and self.changes.under_way == 0

    def _work(self, stack: LocalStack) -> None:
        """Batches and imports, not in step with anything."""
        while not self._ended.wait(BATCH_EVERY_SECONDS - IMPORT_AFTER_SECONDS):
            self.batch(stack)
            if self._ended.wait(IMPORT_AFTER_SECONDS):
                return
            # An import overwrites what nobody has read yet: staff runs it when all is quiet.
            with self.simulator.store.lock:
                if self.is_quiet() and not self.is_reading(stack):
                    self._import(ImportChoices(take=lambda _: self._chance.random() > LEFT_HELD))

    def is_reading(self, stack: LocalStack) -> bool:
        """Whether hints or contacts are still being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = stack.outputs["RaiseDonorsQueueUrl"]
        found = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return any(int(found[name]) for name in names) or bool(count_open(stack, "raisedonors", ("open", "later")))

    def _import(self, choices: ImportChoices) -> ImportResult:
        self.imports += 1
        return self.simulator.run_import(choices)


def _wait(ready: object, longest: float) -> None:
    deadline = time.monotonic() + longest
    while callable(ready) and not ready() and time.monotonic() < deadline:
        time.sleep(0.25)
