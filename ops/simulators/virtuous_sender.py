"""Sends the webhook deliveries of the simulated Virtuous: in the caller's own thread on any clock, or beside it."""

import base64
import hashlib
import hmac
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ops.simulators.raisedonors_time import TICKS_PER_SECOND
from ops.simulators.virtuous_outbox import Delivery, DeliveryState
from ops.simulators.virtuous_store import VirtuousStore

LONGEST_NAP_SECONDS = 0.25
Post = Callable[[str, dict[str, str], bytes], int]
"""Posts a body to a URL and says how it was answered; 0 for not at all."""


class WebhookSender:
    """Sends what is due in a store's outbox. `act_due` is called first, for what staff has planned."""

    def __init__(
        self,
        store: VirtuousStore,
        act_due: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._act_due = act_due
        self._monotonic = monotonic

    def deliver_due(self, post: Post | None = None) -> int:
        """Send all that is due now, one after the other; how many attempts were made."""
        self._act_due()
        attempts = 0
        while self._send_one(post or self._post):
            attempts += 1
        return attempts

    @contextmanager
    def running(self, threads: int = 2) -> Iterator["WebhookSender"]:
        """While it lasts, threads send what falls due; leaving waits for the attempts under way."""
        ended = threading.Event()
        workers = [
            threading.Thread(target=self._run, args=(ended,), name=f"virtuous-webhooks-{n}", daemon=True)
            for n in range(threads)
        ]
        for worker in workers:
            worker.start()
        try:
            yield self
        finally:
            ended.set()
            self._store.woken.set()
            for worker in workers:
                worker.join()

    def _run(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self._act_due()
            if self._send_one(self._post):
                continue
            self._store.woken.clear()
            with self._store.lock:
                due = self._store.outbox.next_due
                seconds = LONGEST_NAP_SECONDS if due is None else (due - self._store.now()) / TICKS_PER_SECOND
            self._store.woken.wait(min(max(seconds, 0.0), LONGEST_NAP_SECONDS))

    def _send_one(self, post: Post) -> bool:
        with self._store.lock:
            outbox = self._store.outbox
            delivery = outbox.take_due(self._store.now())
            if delivery is None:
                return False
            subscription = outbox.subscriptions.get(delivery.webhook_id)
            if subscription is None:
                outbox.drop(delivery)
                return True
            url, headers = str(subscription.members["payloadUrl"]), self._headers(delivery, subscription.members)
        began = self._monotonic()
        status = post(url, headers, delivery.body)
        took = self._monotonic() - began
        with self._store.lock:
            if delivery.state is DeliveryState.ON_ITS_WAY:
                outbox.answered(delivery, status, self._store.now(), took)
        return True

    def _headers(self, delivery: Delivery, subscription: dict[str, object]) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Virtuous Webhooks"}
        secret = subscription.get("secret")
        if secret:
            settings = self._store.settings
            headers[settings.signature_header] = signature(str(secret), delivery.body, settings.signature_encoding)
        return headers

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=self._store.settings.answer_seconds)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def signature(secret: str, body: bytes, encoding: str = "base64") -> str:
    """HMAC-SHA256 over the raw body, keyed with the subscription's secret."""
    digest = hmac.new(secret.encode("utf-8"), body, hashlib.sha256)
    return digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode("ascii")
