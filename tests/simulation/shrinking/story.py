"""The story of a failure: the weather it needs, and what happened to the deliveries it is about, in plain English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from tests.simulation.judge.verdict import Verdict
from tests.simulation.shrinking.shrinking import Case
from tests.simulation.shrinking.weather_words import WORDS, in_words
from tests.simulation.world.trace import Line
from tests.simulation.world.world import BEGIN, World

_MOST_LINES = 120
_DELIVERY = re.compile(r"\b(?:aegis|virtuous|raisedonors)/[a-z]+/[\w.:-]+(?:/[a-z]+)?")
_RECORD = re.compile(r"\b(gift|donor|schedule|donation)[ #](\d+)")
# An organisation's own key stands in each address of Aegis.
_KEY = re.compile(r"/api/SIMULATED\w+/")
_OUTSIDE = frozenset({"people", "aegis staff", "virtuous staff", "other integration", "operator"})
_WHO = {
    "AegisDeliveryFunction": "the worker for Aegis",
    "VirtuousDeliveryFunction": "the worker for Virtuous",
    "RaiseDonorsDeliveryFunction": "the worker for RaiseDonors",
    "DonationPickupFunction": "the pickup",
    "DeliverySweepFunction": "the sweep",
    "DailyBatchFunction": "the daily batch",
    "ContactWebhookFunction": "the webhook's function",
}
_SYSTEMS = {"raisedonors": "RaiseDonors", "aegis": "Aegis", "virtuous": "Virtuous"}
_WRITES = {
    "put_item": "writes",
    "update_item": "writes",
    "delete_item": "deletes",
    "transact_write_items": "writes together",
    "send_message_batch": "sends nudges for",
}
_READS = frozenset({"get_item", "batch_get_item", "query", "scan", "get_queue_attributes", "get_secret_value"})


def story(case: Case, world: World, verdict: Verdict) -> Iterator[str]:
    """The lines of the story of a world that was played and kept its trace."""
    yield "what is wrong:"
    for sentence in verdict.sentences():
        yield f"  {sentence}"
    yield "the weather it needs:" if case.weather else "it needs no weather"
    for kind in case.weather:
        yield f"  {in_words(kind)} ({kind})"
    numbers = _numbers(verdict)
    deliveries = _deliveries(verdict, world, numbers)
    lines = [told for line in world.trace.lines if (told := _told(line, deliveries, numbers)) is not None]
    yield "what happened:"
    yield from _cut(lines)
    yield "what GiftBridge says of it:"
    yield from _cut([*_activity(world, deliveries)])


def _numbers(verdict: Verdict) -> frozenset[str]:
    """The ids of the records that the verdict names."""
    found = {number for sentence in verdict.sentences() for _, number in _RECORD.findall(sentence)}
    for name in _named(verdict):
        found.add(name.split("/")[2])
    return frozenset(found)


def _named(verdict: Verdict) -> list[str]:
    return [name for sentence in verdict.sentences() for name in _DELIVERY.findall(sentence)]


def _deliveries(verdict: Verdict, world: World, numbers: frozenset[str]) -> frozenset[str]:
    """The deliveries that the verdict names, and those of the records that it names."""
    named = set(_named(verdict))
    known = world.tables.deliveries()
    named |= {name for name in known if name.split("/")[2:3] and name.split("/")[2] in numbers}
    return frozenset(named)


def _told(line: Line, deliveries: frozenset[str], numbers: frozenset[str]) -> str | None:
    """A line in words; None for one that is about something else, or that changes nothing."""
    if line.who in _OUTSIDE:
        if not set(re.findall(r"\d+", line.what)) & numbers and line.who not in {"operator", "aegis staff"}:
            return None
        return f"{_clock(line.seconds)} {line.who}: {line.what}"
    names = {one.partition(" becomes ")[0] for one in line.about.split(", ")}
    if line.delivery not in deliveries and not names & deliveries:
        return None
    words = _words(line, deliveries)
    return f"{_clock(line.seconds)} {words}" if words is not None else None


def _words(line: Line, deliveries: frozenset[str]) -> str | None:
    who, of = _who(line.who), f" ({line.delivery})" if line.delivery in deliveries else ""
    operation = line.what.partition(":")[0].partition(" ")[0]
    if line.what in _READS:
        return None
    if line.what in _WRITES:
        return f"{who} {_WRITES[line.what]} {line.about}" if line.about else None
    fault, _, request = line.what.partition(" ")
    if fault in WORDS:
        return f"{in_words(fault)}: {_KEY.sub('/api/', request)}{of}"
    if operation in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
        method, system, *rest = _KEY.sub("/api/", line.what).split(" ")
        return f"{who} asks {_SYSTEMS.get(system, system)}: {method} {' '.join(rest)}{of}"
    last = line.what.rpartition(": ")[2]
    if last in WORDS:
        return f"{who}: {in_words(last)} ({operation}){of}"
    return f"{who} {line.what}{of}"


def _who(name: str) -> str:
    function, _, run = name.partition("-")
    if function in _WHO:
        return f"{_WHO[function]} (run {run})" if run else _WHO[function]
    return _SYSTEMS.get(name, name)


def _clock(seconds: float) -> str:
    return f"{BEGIN + timedelta(seconds=seconds):%H:%M:%S}"


def _activity(world: World, deliveries: frozenset[str]) -> Iterator[str]:
    lines = [row for row in world.tables.rows("ActivityTable") if row.get("delivery") in deliveries]
    for row in sorted(lines, key=lambda row: str(row.get("at", row.get("id", "")))):
        yield f"{str(row.get('at', ''))[11:19]} {row['delivery']}: {row.get('what')}: {row.get('why')}"


def _cut(lines: Sequence[str]) -> Iterable[str]:
    """The lines, without the middle of a very long story."""
    if len(lines) <= _MOST_LINES:
        return [f"  {line}" for line in lines]
    half = _MOST_LINES // 2
    left_out = f"... {len(lines) - 2 * half} lines are left out ..."
    return [f"  {line}" for line in (*lines[:half], left_out, *lines[-half:])]
