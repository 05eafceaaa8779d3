"""An operator at a terminal: retries, redrives, reviews, pauses and resumes, with the command's own parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from giftbridge.domain.deliveries import Delivery, Kind, Step
from giftbridge.domain.reconciliation import Difference
from ops.operating import (
    backfilling,
    dead_letters,
    deciding,
    pausing,
    reconciling,
    retrying,
    reviewing,
    settings_actions,
)
from ops.operating.problems import NeedsPerson
from ops.operating.stack import Stack, assembled
from ops.operating.systems import SYSTEMS
from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import DONATION_ID
from tests.simulation.aws.template import template
from tests.simulation.clock.scheduler import Process
from tests.simulation.world.machine import Machine

_LONGEST_PAUSE_SECONDS = 1200.0
_PATIENCE_SECONDS = 900.0
# Within a small budget it takes hours.
_LONGEST_RECONCILIATION_SECONDS = 12 * 3600.0
NAME = "operator"


class Operator:
    """Acts while others do; at the end puts everything in order that a person can."""

    def __init__(self, seed: int, machine: Machine, raisedonors: RaiseDonorsStore, aegis: AegisStore) -> None:
        self.machine = machine
        self._raisedonors = raisedonors
        self._aegis = aegis
        self.switched_off: list[tuple[str, float, float]] = []
        self.meant: dict[str, bool] = {}
        """Whether a destination is to be on, as it was set last."""
        """Destinations, with the seconds from which and to which they were switched off."""
        self._draw = random.Random(f"operator {seed}")
        outputs = {
            name: str(machine.account.value(one["Value"]))
            for name, one in template()["Outputs"].items()
            if set(one["Value"]) == {"Ref"}
        }
        outputs |= {system.secret_output: system.secret_output for system in SYSTEMS.values()}
        clients: dict[str, Any] = {name: machine.aws(name) for name in ("dynamodb", "sqs", "secretsmanager")}
        self.stack: Stack = assembled(
            "simulated", "", outputs, clients.__getitem__, is_local=True, surroundings=machine.surroundings()
        )

    def plan(self, until: float) -> None:
        """Draw what is done meanwhile, if this operator does anything."""
        if "operator" not in self.machine.weather.states:
            return
        for _ in range(self._draw.randint(1, 8)):
            act = self._draw.choice((self.retry_failed, self.redrive, self.pause_for_a_while, self.review))
            self.machine.acts.at(self._draw.uniform(0, until), act)

    def put_in_order(self, begins: float) -> None:
        """What is done once the weather is calm: resume all, redrive, retry, decide what is asked, retry once more."""
        scheduler = self.machine.scheduler
        scheduler.at(begins, self.resume_all)
        scheduler.at(begins + 300, self.redrive)
        scheduler.at(begins + 700, self.retry_failed)
        scheduler.at(begins + 900, self.review)
        scheduler.at(begins + 1100, self.retry_failed)

    # --- acts ---------------------------------------------------------------------------------------------

    def retry_failed(self) -> None:
        """Everything that failed, planned and then tried anew."""

        def work() -> None:
            plan = retrying.plan_failed(self.stack)
            for _ in retrying.carry_out(self.stack, plan, NAME):
                pass

        self._act("retry", work)

    def review(self) -> None:
        """Decide what a lost request made in Aegis, if anything: staff sees there of which gift each transaction is."""

        def work() -> None:
            for delivery in reviewing.waiting(self.stack):
                step = delivery.attempt.step if delivery.attempt is not None else None
                with suppress(NeedsPerson):
                    if step is Step.TRANSACTION:
                        self._decide(reviewing.case_of(self.stack, delivery.id))
                    if step is Step.PLEDGE and _is_partner_merged(delivery):
                        self._decide_pledge(reviewing.case_of(self.stack, delivery.id))

        self._act("review", work)

    def _decide(self, case: reviewing.Case) -> None:
        number, offered = self._recorded_as(case.delivery), {(one.name, one.candidate) for one in case.choices}
        decided: tuple[str, str | None] = (reviewing.SEND, None)
        if number is not None:
            decided = (reviewing.PICK, number)
        if decided not in offered and case.delivery.kind is Kind.DONATION_CREATED:
            # It stands where no probe looks: its number goes onto the gift, and the next retry finds it there.
            self._raisedonors.edit("gift", int(case.delivery.entity_id), {"crmKey": number})
            return
        if decided not in offered:
            # A refund is linked to what a reconciliation shows for it, and waits until then.
            return
        deciding.decide(self.stack, case, *decided, "seen in Aegis", NAME)

    def _decide_pledge(self, case: reviewing.Case) -> None:
        """A pledge that moved with its partner before anybody knew of it is ended, and the schedule gets another."""
        sent = case.delivery.attempt.values if case.delivery.attempt is not None else {}
        claims = {key[0] for key in self.machine.account.dynamodb.tables["CrmKeysTable"].rows}
        for pledge in self._aegis.pledges.values():
            first = pledge.first_model
            is_it = first["PartnerID"] == sent["partner"] != pledge.model["PartnerID"]
            is_it = is_it and str(first["PledgeAmount"]) == sent["amount"] and first["Frequency"] == sent["frequency"]
            if is_it and f"aegis-pledge#{pledge.pledge_id}" not in claims:
                self._aegis.set_pledge_active(pledge.pledge_id, False)
        deciding.decide(self.stack, case, reviewing.SEND, None, "ended in Aegis, if it was there", NAME)

    def _recorded_as(self, delivery: Delivery) -> str | None:
        """The number under which Aegis has the gift, or its refund."""
        is_refund = delivery.kind is Kind.DONATION_REFUNDED
        for number, transaction in self._aegis.transactions.items():
            if transaction.attribute(DONATION_ID) == delivery.entity_id and (transaction.total < 0) == is_refund:
                return str(number)
        return None

    def redrive(self) -> None:
        """All dead letters back, with AWS' own tool."""

        def work() -> None:
            for destination in self.stack.destinations:
                begun = dead_letters.begin(self.stack, destination)
                if begun is not None:
                    for _ in dead_letters.follow(self.stack, destination, begun):
                        pass

        self._act("redrive", work)

    def pause_for_a_while(self) -> None:
        """One system paused, and resumed later."""
        system = SYSTEMS[self._draw.choice(("aegis", "raisedonors"))]
        self._act(f"pause {system.name}", lambda: pausing.pause(self.stack, system, NAME))
        later = self._draw.uniform(30, _LONGEST_PAUSE_SECONDS)
        self.machine.scheduler.after(
            later, lambda: self._act(f"resume {system.name}", lambda: pausing.resume(self.stack, system, NAME))
        )

    def switch_off_for_a_while(self, destination: str) -> None:
        """A destination is switched off, and on again some minutes later; what happens meanwhile is not sent."""
        lasts = self._draw.uniform(1, 600)
        seconds = self.machine.scheduler.seconds
        self.switched_off.append((destination, seconds, seconds + lasts))
        self._switch(destination, "false")
        self.machine.scheduler.after(lasts, lambda: self._switch(destination, "true"))

    def _switch(self, destination: str, value: str) -> None:
        # At once and surely: whether it was carried out decides what the judge expects.
        document = settings_actions.assign(self.stack, [f"{destination}.enabled={value}"])
        settings_actions.save(self.stack, document, by=NAME, note="")
        self.meant[destination] = value == "true"
        self.machine.trace.line(NAME, f"sets {destination}.enabled to {value}")

    def ask_for_backfill(self, destination: str, since: datetime, until: datetime) -> None:
        """The past is to be sent as well."""

        def work() -> None:
            known = backfilling.status(self.stack)
            if known is None or known.destination != destination:
                wanted = backfilling.new_backfill(self.stack, destination, since, until, (backfilling.GIFTS,), NAME)
                backfilling.ask(self.stack, wanted)

        self._act(f"backfill {destination}", work)

    def reconcile(self, first: date, last: date) -> list[Difference] | None:
        """What a reconciliation of these days finds open, when all has come to rest; None when it comes to no end."""
        found: list[Difference] = []

        def work() -> None:
            report = reconciling.run(self.stack, first, last)
            found.extend(one for one in report.differences if one.is_open)

        scheduler = self.machine.scheduler
        process = self._act("reconcile", work, _LONGEST_RECONCILIATION_SECONDS)
        while not process.is_over:
            scheduler.run(scheduler.seconds + 60)
        return None if process.is_dead or process.error is not None else found

    def resume_all(self) -> None:
        """Every system is to be called again."""

        def work() -> None:
            for system in SYSTEMS.values():
                pausing.resume(self.stack, system, NAME)

        self._act("resume all", work)

    def _act(self, what: str, work: Callable[[], Any], seconds: float = _PATIENCE_SECONDS) -> Process:
        self.machine.trace.line(NAME, what)

        def unless_stopped() -> None:
            # Whoever restores the tables does nothing else meanwhile.
            if self.machine.is_stopped:
                raise NeedsPerson("The tables are being restored.", [])
            work()

        return self.machine.scheduler.start(f"{NAME}: {what}", unless_stopped, seconds=seconds, then=self._ended)

    def _ended(self, process: Process) -> None:
        if process.is_dead:
            self.machine.died(process)
        elif process.error is not None:
            self.machine.failed(process)


def _is_partner_merged(delivery: Delivery) -> bool:
    return delivery.trouble is not None and delivery.trouble.cause == "partner-merged"
