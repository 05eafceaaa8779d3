"""Makes the emulated DynamoDB outlive a kill: every write that succeeded is in a file before it is answered.

The emulator saves its state at an orderly end only. Going back to an older table is the one thing the product cannot
bear (it would send gifts again), and DynamoDB never does it. So what changed since the last save is replayed at the
start. Queues are not in the journal: they hold nudges, and a lost nudge is given again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import IO, Any

from ministack import app
from ministack.services import dynamodb

logger = logging.getLogger("local-stack")

WRITES = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"}
    | {"BatchExecuteStatement", "ExecuteTransaction"}
)
LARGEST_JOURNAL_BYTES = 64_000_000

Answer = tuple[int, dict[str, str], bytes]


class Journal:
    """Writes since the last save, one JSON line each, in the order in which they were made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle = dynamodb.handle_request
        self._save_all = app.save_all
        self._load = app._load_persisted_state
        self._lines: IO[str] = file.open("a")

    def install(self) -> None:
        """Journals writes, and replays them at the start."""
        dynamodb.handle_request = self._handle_and_note
        app.save_all = self._save_and_begin_anew
        app._load_persisted_state = self._load_and_replay

    def save(self) -> None:
        """Saves the whole state; runs in the event loop, so between two requests."""
        app.save_all(app._build_persistence_save_dict())

    async def _handle_and_note(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Answer:
        # The emulator's handler never waits inside, so no other write comes between it and its line.
        answer: Answer = await self._handle(method, path, headers, body, query)
        target = headers.get("x-amz-target", "")
        if answer[0] == 200 and target.rpartition(".")[2] in WRITES:
            self._lines.write(json.dumps([target, body.decode()]) + "\n")
            self._lines.flush()
            if self._lines.tell() > LARGEST_JOURNAL_BYTES:
                self.save()
        return answer

    def _save_and_begin_anew(self, services: dict[str, Any]) -> None:
        self._save_all(services)
        fresh = self._file.with_suffix(".new")
        self._lines.close()
        self._lines = fresh.open("w")
        fresh.replace(self._file)

    def _load_and_replay(self) -> None:
        self._load()
        replayed = 0
        for line in self._file.read_text().splitlines():
            try:
                target, body = json.loads(line)
            except ValueError:
                # The last line of a process that was killed while writing it: its write was never answered.
                break
            _run(self._handle("POST", "/", {"x-amz-target": target}, body.encode(), {}))
            replayed += 1
        if replayed:
            logger.info("replayed %d writes of a run that did not end in order", replayed)
            self.save()


def _run(call: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs a coroutine that never waits, from within the event loop."""
    try:
        call.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise RuntimeError("the emulated DynamoDB waited inside a request")
