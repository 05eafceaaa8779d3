"""Webhook deliveries of the simulated Virtuous: who is told of what, and what goes wrong on the way on demand."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ops.simulators.json_text import write_json
from ops.simulators.raisedonors_time import TICKS_PER_SECOND
from ops.simulators.virtuous_answers import write_in_lines

if TYPE_CHECKING:
    from ops.simulators.virtuous_store import VirtuousStore

VERBS = ("Create", "Update", "Delete")


@dataclass(slots=True)
class Subscription:
    """Who wants to be told: address, secret and toggles, under the names they have on the wire."""

    webhook_id: int
    members: dict[str, Any]


class DeliveryState(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"
    ON_ITS_WAY = "on its way"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Its last repeat failed: it is in the failures list, where staff may retry it."""
    LOST = "lost"


@dataclass(slots=True)
class Delivery:
    """One body on its way to one subscriber."""

    number: int
    webhook_id: int
    event: str
    record_ids: tuple[int, ...]
    body: bytes
    raised: int
    due: int
    rank: float
    """Which goes first of those that fall due together."""
    state: DeliveryState = DeliveryState.WAITING
    statuses: list[int] = field(default_factory=list)
    """How each attempt was answered; 0 for not at all."""
    took: list[float] = field(default_factory=list)
    """The seconds that each attempt waited for its answer."""
    is_double: bool = False


class Mishap(StrEnum):
    """What goes wrong with a delivery."""

    LOST = "lost"
    """It is never sent."""
    DOUBLED = "doubled"
    """It is sent twice."""
    DELAYED = "delayed"
    """It is sent some seconds later."""
    OVERTAKEN = "overtaken"
    """It is sent after the next one."""


@dataclass
class MishapRule:
    """When a mishap happens: to deliveries of an event about a record, the first `count` ones, or by chance."""

    mishap: Mishap
    count: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    event: str = "*"
    record_id: int | None = None
    fired: int = 0

    def strikes(self, delivery: Delivery, chance: random.Random) -> bool:
        """Whether it happens to this delivery."""
        if self.event not in ("*", delivery.event) or (self.count is not None and self.fired >= self.count):
            return False
        if self.record_id is not None and self.record_id not in delivery.record_ids:
            return False
        if self.probability < 1.0 and chance.random() >= self.probability:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class _Bundle:
    size: int
    models: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)


class Outbox:
    """All deliveries, in the order in which their events arose."""

    def __init__(self, store: "VirtuousStore", seed: int) -> None:
        self._store = store
        self._chance = random.Random(seed)
        self._bundle: _Bundle | None = None
        self._overtaken: list[Delivery] = []
        self.subscriptions: dict[int, Subscription] = {}
        self.deliveries: list[Delivery] = []
        self._open: dict[int, Delivery] = {}
        self.mishaps: list[MishapRule] = []
        self._last_webhook_id = 600

    def subscribe(self, members: dict[str, Any]) -> Subscription:
        """Keep a new subscription."""
        self._last_webhook_id += 1
        subscription = Subscription(self._last_webhook_id, members)
        self.subscriptions[subscription.webhook_id] = subscription
        return subscription

    def mishap(self, mishap: Mishap | str, **more: Any) -> MishapRule:
        """Let deliveries go wrong from now on."""
        rule = MishapRule(Mishap(mishap), **more)
        self.mishaps.append(rule)
        return rule

    @contextmanager
    def bundled(self, size: int) -> Iterator[None]:
        """Events raised within go out together, so many records in one body."""
        if self._bundle is not None or size <= 1:
            yield
            return
        self._bundle = _Bundle(size)
        try:
            yield
        finally:
            bundle, self._bundle = self._bundle, None
            for event, models in bundle.models.items():
                for start in range(0, len(models), bundle.size):
                    self._tell(event, models[start : start + bundle.size])

    def raise_event(self, event: str, record_id: int, model: dict[str, Any]) -> None:
        """Something happened to a record; `model` is the snapshot of it that a body carries."""
        if not self.subscriptions:
            return
        if self._bundle is not None:
            self._bundle.models.setdefault(event, []).append((record_id, model))
        else:
            self._tell(event, [(record_id, model)])

    def send_body(self, body: bytes, event: str = "odd") -> None:
        """Send a body as it is, signed like any other, to every active subscriber: for events nobody knows."""
        for subscription in list(self.subscriptions.values()):
            if subscription.members.get("active"):
                self._address(subscription, event, (), body)

    def take_due(self, now: int) -> Delivery | None:
        """The delivery that is due longest, marked as on its way."""
        due = [one for one in self._open.values() if one.due <= now and one.state is DeliveryState.WAITING]
        if not due:
            return None
        first = min(due, key=lambda one: (one.due, one.rank))
        first.state = DeliveryState.ON_ITS_WAY
        return first

    def answered(self, delivery: Delivery, status: int, now: int, took: float = 0.0) -> None:
        """Note how an attempt was answered, after how many seconds, and plan the repeat of one that failed."""
        delivery.statuses.append(status)
        delivery.took.append(took)
        repeats = self._store.settings.repeat_after
        if 200 <= status < 300:
            self._close(delivery, DeliveryState.DELIVERED)
        elif len(delivery.statuses) > len(repeats):
            self._close(delivery, DeliveryState.FAILED)
        else:
            delivery.state = DeliveryState.WAITING
            delivery.due = now + int(repeats[len(delivery.statuses) - 1] * TICKS_PER_SECOND)

    def retry(self, number: int) -> None:
        """Staff retries a delivery of the failures list."""
        delivery = next(one for one in self.failures if one.number == number)
        delivery.statuses.clear()
        self._enqueue(delivery, self._store.now())

    def drop(self, delivery: Delivery) -> None:
        """Send a delivery no more: its subscription is gone."""
        self._close(delivery, DeliveryState.LOST)

    @property
    def failures(self) -> list[Delivery]:
        """The failures list of the webhook page."""
        return [one for one in self.deliveries if one.state is DeliveryState.FAILED]

    @property
    def next_due(self) -> int | None:
        """When the next delivery is to be sent."""
        waiting = [one.due for one in self._open.values() if one.state is DeliveryState.WAITING]
        return min(waiting, default=None)

    @property
    def open_count(self) -> int:
        """How many deliveries are waiting or on their way."""
        return len(self._open)

    def _tell(self, event: str, models: list[tuple[int, dict[str, Any]]]) -> None:
        toggle = event[:1].lower() + event[1:]
        for subscription in list(self.subscriptions.values()):
            if subscription.members.get("active") and subscription.members.get(toggle):
                body = self._body(event, models, len(self.deliveries) + 1)
                self._address(subscription, event, tuple(record_id for record_id, _ in models), body)

    def _address(self, subscription: Subscription, event: str, record_ids: tuple[int, ...], body: bytes) -> None:
        number, now = len(self.deliveries) + 1, self._store.now()
        self._dispatch(Delivery(number, subscription.webhook_id, event, record_ids, body, now, now, number))

    def _body(self, event: str, models: list[tuple[int, dict[str, Any]]], number: int) -> bytes:
        settings = self._store.settings
        noun = event.removesuffix(next((verb for verb in VERBS if event.endswith(verb)), ""))
        is_dotted = settings.event_spelling == "dotted" or (settings.event_spelling == "vary" and number % 5 == 0)
        is_single = settings.envelope == "single" or (settings.envelope == "vary" and number % 3 == 0)
        wrapped = [model for _, model in models]
        name = f"{noun}.{event.removeprefix(noun)}".lower() if is_dotted else event
        # A delete carries an id instead of a record, and an id has no place at the top.
        stands_alone = is_single and len(wrapped) == 1 and "id" not in wrapped[0]
        value = {"event": name, **(wrapped[0] if stands_alone else {"models": wrapped})}
        return write_in_lines(value) if number % 2 else write_json(value)

    def _dispatch(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        struck = next((rule for rule in self.mishaps if rule.strikes(delivery, self._chance)), None)
        match struck.mishap if struck else None:
            case Mishap.LOST:
                delivery.state = DeliveryState.LOST
                return
            case Mishap.OVERTAKEN:
                self._enqueue(delivery, delivery.due + int(self._store.settings.overtake_seconds * TICKS_PER_SECOND))
                self._overtaken.append(delivery)
                return
            case Mishap.DELAYED:
                self._enqueue(delivery, delivery.due + int((struck.seconds if struck else 0) * TICKS_PER_SECOND))
            case _:
                self._enqueue(delivery, delivery.due)
        if struck is not None and struck.mishap is Mishap.DOUBLED:
            self._double(delivery, struck.seconds)
        for overtaken in self._overtaken:
            overtaken.due, overtaken.rank = min(overtaken.due, delivery.due), delivery.rank + 0.5
        self._overtaken.clear()

    def _double(self, delivery: Delivery, seconds: float) -> None:
        twin = Delivery(
            len(self.deliveries) + 1, delivery.webhook_id, delivery.event, delivery.record_ids, delivery.body,
            delivery.raised, delivery.due, delivery.rank + 0.1, is_double=True,
        )  # fmt: skip
        self.deliveries.append(twin)
        self._enqueue(twin, delivery.due + int(seconds * TICKS_PER_SECOND))

    def _enqueue(self, delivery: Delivery, due: int) -> None:
        delivery.due, delivery.state = due, DeliveryState.WAITING
        self._open[delivery.number] = delivery
        self._store.woken.set()

    def _close(self, delivery: Delivery, state: DeliveryState) -> None:
        delivery.state = state
        self._open.pop(delivery.number, None)
