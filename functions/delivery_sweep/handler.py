"""A tick in, what is due nudged, table and dead letters brought to agree."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.flows.vitals import VitalSigns
from giftbridge.runtime import Function, start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from giftbridge.flows.delivery_sweep import SweepOutcome


def handle(function: Function, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep each connected destination once; one's trouble does not keep the next from being swept."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    swept: dict[str, SweepOutcome] = {}
    troubles: list[Exception] = []
    for sweep in function.assembly.delivery_sweeps():
        try:
            swept[sweep.destination] = sweep.run()
        except Exception as error:
            function.logger.exception("a destination could not be swept", extra={"destination": sweep.destination})
            troubles.append(error)
    answer: dict[str, Any] = {name: dataclasses.asdict(outcome) for name, outcome in swept.items()}
    try:
        _tell(function, answer, died=sum(outcome.died for outcome in swept.values()))
    except Exception as error:
        function.logger.exception("the vitals could not be told")
        troubles.append(error)
    net = function.assembly.contact_net()
    if net is not None:
        looked = net.run()
        answer["contacts"] = dataclasses.asdict(looked)
        counts = {"ContactsFoundBySweep": float(looked.found)} if looked.why_idle is None else {}
        function.tell("looked for modified contacts", answer["contacts"], counts)
    if troubles:
        raise troubles[0]
    return answer or {"why_idle": "no destination is connected"}


def _tell(function: Function, answer: dict[str, Any], died: int) -> None:
    """What was done, and how the stack is: told before the net, which may take all of the time that is left."""
    vitals = VitalSigns(function.assembly.tools, function.assembly.destinations()).take().metrics()
    function.tell("swept", {**answer, "vitals": vitals}, {**vitals, "DeadLettersOfDeadWorkers": died})


function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls."""
    return handle(function, event, context)
