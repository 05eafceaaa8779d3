"""What each function's handler does, on an assembly that it is given: the handlers build their own when they load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from giftbridge import contact_hints
from giftbridge.assembly import Assembly
from giftbridge.clients.virtuous_webhooks import Signing, is_genuine, read_delivery
from giftbridge.contact_hints import ContactHint, read_contact_hint
from giftbridge.domain.delivery_ids import RAISEDONORS
from giftbridge.flows.daily_digest import DailyDigest
from giftbridge.flows.vitals import VitalSigns
from giftbridge.runtime import keeping

Handler = Callable[[Assembly, Mapping[str, Any], str], Any]


def donation_pickup(assembly: Assembly, _event: Mapping[str, Any], request_id: str) -> Any:
    """A tick."""
    pickup = assembly.donation_pickup(owner=request_id)
    return pickup.run() if pickup is not None else None


def delivery_sweep(assembly: Assembly, _event: Mapping[str, Any], _request_id: str) -> Any:
    """A tick; one destination's trouble does not keep the next from being swept."""
    troubles: list[Exception] = []
    for sweep in assembly.delivery_sweeps():
        try:
            sweep.run()
        except Exception as error:
            troubles.append(error)
    try:
        VitalSigns(assembly.tools, assembly.destinations()).take()
    except Exception as error:
        troubles.append(error)
    net = assembly.contact_net()
    if net is not None:
        net.run()
    if troubles:
        raise troubles[0]


def daily_batch(assembly: Assembly, event: Mapping[str, Any], request_id: str) -> Any:
    """A tick: the batch, the digest and the reconciliation, each when it is due."""
    try:
        batch = assembly.daily_batch(owner=request_id)
        if batch is not None:
            batch.run(now_requested=event.get("run") == "now")
    finally:
        try:
            DailyDigest(assembly.tools, assembly.destinations()).run()
        finally:
            daily = assembly.daily_reconciliation(owner=request_id)
            if daily is not None:
                daily.run()


def aegis_delivery(assembly: Assembly, event: Mapping[str, Any], _request_id: str) -> Any:
    """A batch of messages."""
    worker = assembly.aegis_worker()
    return keeping(worker.work(event["Records"]).hand_back if worker is not None else ())


def virtuous_delivery(assembly: Assembly, event: Mapping[str, Any], _request_id: str) -> Any:
    """A batch of messages."""
    worker = assembly.virtuous_worker()
    return keeping(worker.work(event["Records"]).hand_back if worker is not None else ())


def raisedonors_delivery(assembly: Assembly, event: Mapping[str, Any], _request_id: str) -> Any:
    """A batch of messages; without credentials hints wait in the queue."""
    worker = assembly.raisedonors_worker()
    if worker is None:
        return keeping(record["messageId"] for record in event["Records"] if read_contact_hint(record) is not None)
    return keeping(worker.work(event["Records"]).hand_back)


def contact_webhook(assembly: Assembly, event: Mapping[str, Any], _request_id: str) -> Any:
    """A webhook of Virtuous: 200 once its contacts are queued. Its own assembly holds nothing but a few clients."""
    body, headers = event["body"], event["headers"]
    secret = str(assembly.credentials.of("virtuous").values.get("webhook_secret", ""))
    if not is_genuine(body, headers, (secret,), Signing()):
        return 401
    told = read_delivery(body)
    if told.accepted:
        tools = assembly.tools_for(RAISEDONORS)
        hint = ContactHint(told.contacts, told.gifts_of, tools.now())
        contact_hints.send(tools.queue.client, tools.queue.url, hint, tools.token)
    return 200


HANDLERS: Mapping[str, Handler] = {
    "DonationPickupFunction": donation_pickup,
    "DeliverySweepFunction": delivery_sweep,
    "DailyBatchFunction": daily_batch,
    "AegisDeliveryFunction": aegis_delivery,
    "VirtuousDeliveryFunction": virtuous_delivery,
    "RaiseDonorsDeliveryFunction": raisedonors_delivery,
    "ContactWebhookFunction": contact_webhook,
}
