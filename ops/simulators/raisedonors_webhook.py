"""The simulated RaiseDonors tells a URL of every record that changes, as its contract's recordChanged says.

Off unless somebody calls `tell_of_changes`. Calls are made beside the change and may come late, as in life; a call that
fails is counted and not repeated.
"""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from ops.simulators.raisedonors_store import RaiseDonorsStore

EVENT_TYPES = {"gift": 10, "schedule": 20, "donor": 30}
CREATED, UPDATED = 0, 1
SECONDS_FOR_AN_ANSWER = 10


class Webhook:
    """The calls made so far: how many, and how each was answered (0: not at all)."""

    def __init__(self, url: str, token: str) -> None:
        self.url = urlsplit(url)
        self.token = token
        self.answers: list[int] = []
        self._lock = Lock()

    def tell(self, event_type: int, record_id: int) -> None:
        """One call."""
        body = json.dumps({"eventType": event_type, "eventTypeDisplay": None, "id": record_id})
        headers = {"Content-Type": "application/json", "X-RaiseDonors-Token": self.token}
        secure = self.url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self.url.netloc, timeout=SECONDS_FOR_AN_ANSWER)
        try:
            connection.request("POST", self.url.path or "/", body, headers)
            status = connection.getresponse().status
        except OSError:
            status = 0
        finally:
            connection.close()
        with self._lock:
            self.answers.append(status)


@contextmanager
def tell_of_changes(store: RaiseDonorsStore, url: str, token: str, threads: int = 4) -> Iterator[Webhook]:
    """While it lasts, each record that is added or edited is told of; leaving waits for the calls under way."""
    webhook, add, edit = Webhook(url, token), store.add, store.edit
    with ThreadPoolExecutor(threads, thread_name_prefix="webhook") as pool:

        def added(kind: str, *arguments: Any, **more: Any) -> int:
            record_id = add(kind, *arguments, **more)
            if kind in EVENT_TYPES:
                pool.submit(webhook.tell, EVENT_TYPES[kind] + CREATED, record_id)
            return record_id

        def edited(kind: str, record_id: int, *arguments: Any, **more: Any) -> None:
            edit(kind, record_id, *arguments, **more)
            if kind in EVENT_TYPES:
                pool.submit(webhook.tell, EVENT_TYPES[kind] + UPDATED, record_id)

        store.add, store.edit = added, edited  # type: ignore[method-assign]
        try:
            yield webhook
        finally:
            store.add, store.edit = add, edit  # type: ignore[method-assign]
