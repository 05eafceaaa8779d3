"""Virtuous and those who work there: staff edits contacts and runs imports, webhooks go out and go astray."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_events import IDLE, TRAVELLING, VirtuousEvents
from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_outbox import Mishap
from ops.simulators.virtuous_population import VirtuousPopulation
from ops.simulators.virtuous_settings import VirtuousSettings
from tests.simulation.clock.scheduler import Process, Scheduler
from tests.simulation.world.lambdas import LambdaFunction

if TYPE_CHECKING:
    from tests.simulation.world.machine import Machine

SECRET = "the simulation's subscription"
URL = "http://giftbridge.test/webhooks/virtuous"
_LOOKS_EVERY_SECONDS = 2.0
_HANGS_UP_AFTER_SECONDS = 10.0
_POLL_SECONDS = 0.05


def new_virtuous(scheduler: Scheduler, seed: int) -> VirtuousSimulator:
    """A Virtuous on virtual time."""
    draw = random.Random(f"virtuous {seed}")
    headers = draw.choice(("X-RateLimit", "X-Rate-Limit", ""))
    settings = VirtuousSettings(calls_per_hour=draw.choice((None, 5000, 50_000)), rate_headers=headers)
    return VirtuousSimulator(
        settings=settings, clock=scheduler.now, pause=lambda _: None, monotonic=scheduler.monotonic, seed=seed
    )


class VirtuousSide:
    """What happens in Virtuous, planned by seed."""

    def __init__(
        self, seed: int, simulator: VirtuousSimulator, raisedonors: RaiseDonorsStore, machine: Machine
    ) -> None:
        self.simulator = simulator
        self.machine = machine
        self._draw = random.Random(f"virtuous people {seed}")
        VirtuousPopulation(seed, raisedonors, simulator.store).build()
        self._events = VirtuousEvents(seed, simulator.store)
        simulator.subscribe(URL, SECRET)
        self._webhook = LambdaFunction("ContactWebhookFunction", machine)
        self._batch: LambdaFunction | None = None
        self._is_sending = False
        outbox = simulator.store.outbox
        for kind, mishap in (
            ("webhook-lost", Mishap.LOST),
            ("webhook-doubled", Mishap.DOUBLED),
            ("webhook-late", Mishap.DELAYED),
            ("webhook-overtaken", Mishap.OVERTAKEN),
        ):
            density = machine.weather.densities.get(kind)
            if density:
                outbox.mishap(mishap, probability=density, seconds=self._draw.uniform(1, 300))

    def plan(self, batch: LambdaFunction, edits: int, first: float, last: float) -> None:
        """Staff's edits, batches on demand and the imports that follow, and the sending of webhooks."""
        self._batch = batch
        at = self.machine.acts.at
        for _ in range(edits):
            kind = self._draw.choice((*TRAVELLING, *IDLE))
            at(self._draw.uniform(first, last), lambda kind=kind: self._edit(kind))
        for _ in range(self._draw.randint(1, 3)):
            at(self._draw.uniform(first, last), self.run_batch)
            at(self._draw.uniform(first, last), self.run_import)
        self.machine.scheduler.at(0.0, self._send_due)

    def put_in_order(self, begins: float) -> None:
        """Once the weather is calm: batches, and imports of all that is held."""
        at = self.machine.scheduler.at
        self.simulator.store.outbox.mishaps.clear()
        # Where few calls are allowed gifts are found, and rows are made, long after the calm has come.
        for round_of in range(20 if "rate-limits" in self.machine.weather.states else 3):
            at(begins + 900 * round_of, self.run_batch)
            at(begins + 900 * round_of + 500, self.run_import)

    def _edit(self, kind: str) -> None:
        made = self._events.happen(kind)
        if made.contact_id is not None:
            self.machine.trace.line("virtuous staff", f"{kind} {made.contact_id}")

    def run_batch(self) -> None:
        """The batch on demand, as `giftbridge batch run` starts it."""
        if self._batch is not None:
            self._batch.invoke({"run": "now"})

    def run_import(self) -> None:
        """Staff imports all that is held."""
        result = self.simulator.run_import(ImportChoices(on_update_needed="import"))
        self.machine.trace.line("virtuous staff", f"imports: {len(result.landed)} landed, {len(result.left)} left")

    # --- webhooks -----------------------------------------------------------------------------------------

    def _send_due(self) -> None:
        scheduler = self.machine.scheduler
        scheduler.after(_LOOKS_EVERY_SECONDS, self._send_due)
        if self._is_sending or self.simulator.store.outbox.next_due is None:
            return
        self._is_sending = True
        scheduler.start("virtuous-webhooks", lambda: self.simulator.sender.deliver_due(self._post), then=self._sent)

    def _sent(self, _: Process) -> None:
        self._is_sending = False

    def _post(self, _url: str, headers: dict[str, str], body: bytes) -> int:
        """One call of our API: what the function answers, 503 when it dies, 0 when nothing comes."""
        machine = self.machine
        if machine.weather.strikes(machine.scheduler.seconds, "webhook-refused"):
            return 503
        sent = {name.lower(): value for name, value in headers.items()}
        encoded = base64.b64encode(body).decode()
        call = self._webhook.invoke({"headers": sent, "body": encoded, "isBase64Encoded": True})
        answered = self._waited_for(call)
        if not answered:
            return 0
        if call.is_dead or call.error is not None:
            return 503
        status = int(call.result["statusCode"])
        machine.trace.line("virtuous-webhooks", f"a webhook is answered with {status}")
        is_lost = machine.weather.strikes(machine.scheduler.seconds, "webhook-unanswered")
        return 0 if is_lost else status

    def _waited_for(self, call: Process) -> bool:
        pause: Callable[[float], None] = self.machine.scheduler.pause
        for _ in range(int(_HANGS_UP_AFTER_SECONDS / _POLL_SECONDS)):
            if call.is_over:
                return True
            pause(_POLL_SECONDS)
        return False
