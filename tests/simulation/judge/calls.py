"""How many calls a CRM received, by the simulator's own log, against the least that its records need.

What the least is follows from the contracts: what one call can carry, and what has to be read before it can be written.

| record | least calls |
|---|---|
| a gift, a refund in Aegis | 1: it is recorded |
| a refund in Aegis, besides | 1: the history, where the gift was first seen refunded: somebody may have recorded it |
| a donor in Aegis | 1: a search, or a look at an imported key; 1 more for a partner that is made |
| an edit of a donor or a schedule in Aegis | 2: read, and saved whole |
| a gift of a schedule in Aegis | 1: its pledge is looked at, or made |
| a gift in Virtuous, a reversal there | 2: handed in, and looked up once it landed |
| a gift that a person has to correct | 3: its donor is looked for at each try, and an operator tries twice more |
| a contact that RaiseDonors has too | 1: it is read when it is first seen |
| a contact that a webhook tells of | 1: it is read |
| a project in Virtuous | 2: looked up, and written |
| a partner, a contact, for each day that is reconciled | 1: its history |
| what is the same for all records, such as a list of codes | 1 an hour |
| a gift that a restore of the tables may have forgotten | 2: its donor is looked for, and the donor's history read |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ops.simulators.access_log import LogEntry
from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_records import Entry, Version
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import DONATION_ID
from ops.simulators.virtuous_store import VirtuousStore
from tests.simulation.judge.verdict import Verdict

TIMES_THE_LEAST = 2
# A lost call is made again, and after a lost write one looks first. Whatever else a fault costs, most cost nothing.
CALLS_OF_A_FAULT = 2
_AEGIS = {
    "gifts": ("createTransaction",),
    "donors": ("searchPartners", "getPartner", "getPartnerByEmail", "createPartner", "savePartner"),
    "schedules": ("getPledgeHistory", "createPledge", "savePledge"),
    "histories": ("getTransactionHistory",),
}
_VIRTUOUS = {
    "gifts": ("submitGiftTransaction", "submitGiftTransactions", "getGiftByTransaction", "reverseGift"),
    "contacts": ("getContact", "findContact", "getContactByReference", "addContactReference"),
    "projects": ("createProject", "patchProjects", "getProject", "replaceProject", "getProjectByCode"),
    "histories": ("listGiftsOfContact",),
}
_SHARED = "what is the same for all records"
_REFUSED_CREDENTIALS = 401
# The gateway moves it with each charge; nobody is told.
_OF_A_CHARGE = frozenset({"nextChargeDate"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The calls of one sort that a CRM received, and the least that it takes."""

    system: str
    sort: str
    calls: int
    least: int

    def most(self, faults: int) -> int:
        """What is not too many, in a world in which so many faults struck."""
        return TIMES_THE_LEAST * self.least + CALLS_OF_A_FAULT * faults


def count_calls(asked: Iterable[Asked], faults: int, verdict: Verdict) -> None:
    """Add what was asked too often."""
    for one in asked:
        if one.calls > one.most(faults):
            verdict.wrong.append(
                f"{one.system} was called {one.calls} times for {one.sort}, which takes {one.least} calls; "
                f"{faults} faults struck"
            )


def asked_of_aegis(
    raisedonors: RaiseDonorsStore, aegis: AegisStore, log: Collection[LogEntry], *, was_restored: bool
) -> list[Asked]:
    """What Aegis was asked."""
    gifts = {str(entry.record_id): entry.first_members for entry in raisedonors.gifts.all_entries()}
    ours = [one for one in aegis.transactions.values() if one.via_api]
    numbers = [one.attribute(DONATION_ID) for one in ours]
    refunds = sum(one.total < 0 for one in ours)
    recorded = {number for number in numbers if number in gifts}
    donors = {gifts[number]["donorId"] for number in recorded}
    made = sum(number not in aegis.seeded_partner_ids for number in aegis.partners)
    of_schedules = sum(bool(gifts[number].get("recurringGiftId")) for number in recorded)
    bad = sum(entry.bad for entry in raisedonors.gifts.all_entries())
    forgotten = len(recorded) if was_restored else 0
    least = {
        "gifts": len(numbers),
        "donors": len(donors) + made + forgotten + 3 * bad + 2 * _edits(raisedonors.donors.all_entries()),
        "schedules": of_schedules + 2 * _edits(raisedonors.schedules.all_entries()),
        "histories": len(aegis.partners) * _midnights(log) + refunds + forgotten,
    }
    return list(_asked("aegis", _AEGIS, least, log))


def asked_of_virtuous(
    raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, log: Collection[LogEntry], *, was_restored: bool
) -> list[Asked]:
    """What Virtuous was asked."""
    reversals = sum(gift.reversed_gift_id is not None for gift in virtuous.gifts.values())
    least = {
        "gifts": 2 * (len(virtuous.gift_rows) + reversals),
        "contacts": sum(bool(contact.references) for contact in virtuous.contacts.values())
        + sum(len(webhook.record_ids) for webhook in virtuous.outbox.deliveries),
        "projects": 2 * sum(len(entry.history) for entry in raisedonors.projects.all_entries()),
        "histories": len(virtuous.contacts) * _midnights(log) + (len(virtuous.gift_rows) if was_restored else 0),
    }
    return list(_asked("virtuous", _VIRTUOUS, least, log))


def _asked(
    system: str, sorts: Mapping[str, Iterable[str]], least: Mapping[str, int], log: Collection[LogEntry]
) -> Iterator[Asked]:
    # Who is refused for the credentials has asked for no record; how often that may be is the breaker's matter.
    log = [entry for entry in log if entry.status != _REFUSED_CREDENTIALS]
    counts = Counter(entry.operation_id for entry in log)
    for sort, operations in sorts.items():
        yield Asked(system, sort, sum(counts.pop(operation, 0) for operation in operations), least[sort])
    shared = [entry for entry in log if entry.operation_id in counts]
    yield Asked(system, _SHARED, len(shared), len({(one.path, one.at.date(), one.at.hour) for one in shared}))


def _edits(entries: Iterable[Entry]) -> int:
    """How often people changed these records."""
    return sum(
        _differ(before, after)
        for entry in entries
        for before, after in zip(entry.history, entry.history[1:], strict=False)
        if not after.via_api
    )


def _differ(before: Version, after: Version) -> bool:
    names = before.members.keys() | after.members.keys()
    return any(before.members.get(name) != after.members.get(name) for name in names - _OF_A_CHARGE)


def _midnights(log: Collection[LogEntry]) -> int:
    return max(0, len({entry.at.date() for entry in log}) - 1)
