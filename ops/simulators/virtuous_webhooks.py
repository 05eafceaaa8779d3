"""Subscriptions to the events of the simulated Virtuous."""

from typing import Any
from urllib.parse import urlsplit

from ops.simulators.virtuous_answers import Answers, path_id
from ops.simulators.virtuous_model import says_something
from ops.simulators.virtuous_outbox import Subscription
from ops.simulators.virtuous_shapes import EVENT_TOGGLES, SUBSCRIPTION
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.wire import Answer, Call

LOOPBACK = ("127.0.0.1", "localhost")


class WebhookOperations:
    """The subscription operations of the contract; subscriptions cannot be listed."""

    def __init__(self, store: VirtuousStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    def create(self, call: Call) -> Answer:
        """A new subscription; sent twice it is there twice."""
        return self._shown(self._store.outbox.subscribe(self._read(call, is_active=True)))

    def one(self, call: Call) -> Answer:
        """A subscription, its secret included."""
        return self._shown(self._of_path(call))

    def replace(self, call: Call) -> Answer:
        """Replace a subscription: toggles that are left out become false."""
        subscription = self._of_path(call)
        if subscription is not None:
            subscription.members = self._read(call, is_active=False)
        return self._shown(subscription)

    def delete(self, call: Call) -> Answer:
        """Drop a subscription; what is on its way to it is not sent."""
        subscription = self._of_path(call)
        if subscription is None:
            return self._answers.missing()
        del self._store.outbox.subscriptions[subscription.webhook_id]
        self._store.writes += 1
        return Answer(200 if self._store.writes % 2 else 204)

    def set_active(self, call: Call) -> Answer:
        """Pause or resume; what happens meanwhile is told to nobody."""
        subscription = self._of_path(call)
        if subscription is None:
            return self._answers.missing()
        subscription.members["active"] = self._answers.flag_parameter(call, "active", None)
        return Answer(200)

    def _read(self, call: Call, *, is_active: bool) -> dict[str, Any]:
        model = self._answers.read(call)
        body = model.read(SUBSCRIPTION, ("payloadUrl",))
        url = body.get("payloadUrl")
        if says_something(url) and not _is_takeable(str(url)):
            model.refuse("payloadUrl", "An address with https is expected.")
        self._answers.keep(model.errors)
        toggles = {name: bool(body.get(name)) for name in EVENT_TOGGLES}
        beside = {"secret": body.get("secret") or None, "active": body.get("active", is_active)}
        return {"payloadUrl": url, **beside, **toggles}

    def _of_path(self, call: Call) -> Subscription | None:
        return self._store.outbox.subscriptions.get(path_id(call, "webhookId") or 0)

    def _shown(self, subscription: Subscription | None) -> Answer:
        if subscription is None:
            return self._answers.missing()
        return self._answers.of({"id": subscription.webhook_id, **subscription.members})


def _is_takeable(url: str) -> bool:
    """Whether it is an https address; on this machine http will do."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
