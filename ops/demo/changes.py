"""What happens on a busy day besides new donations: which changes, and at which time of the day."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial

from ops.simulators.aegis import AegisSimulator
from ops.simulators.interjections import Interjection
from ops.simulators.population import BAD_KINDS, OFF_CONTRACT_KINDS, MadeGift, Population
from ops.simulators.population_edits import edited_groups
from ops.simulators.population_events import Events, MadeEvent
from ops.simulators.population_gifts import GOOD_KINDS, QUIET_KINDS
from ops.simulators.raisedonors_store import RaiseDonorsStore

FORENOON = (
    "refund_delivered", "void", "refund_adopted", "refund_twin", "approve",
    "donor_renamed", "donor_moved", "donor_phone", "donor_email", "donor_noted",
    "stranger_renamed", "stranger_moved", "stranger_phone", "stranger_email", "stranger_noted",
    "schedule_amount", "schedule_frequency", "schedule_projects", "schedule_payment", "schedule_payer",
    "schedule_next_date", "schedule_suspended",
)  # fmt: skip
# Aegis offers no way to look whether a note landed, so notes are not written while its answers get lost.
NOON = (
    "refund_undelivered", "refund_delivered", "void", "donor_there_and_back", "donor_phone", "donor_moved",
    "stranger_email", "schedule_amount", "schedule_resumed", "schedule_cancelled",
)  # fmt: skip
AFTERNOON = (
    "approve", "refund", "refund_delivered", "donor_reverted", "donor_renamed", "donor_email", "stranger_reverted",
    "schedule_payer", "schedule_frequency", "schedule_suspended", "schedule_expired", "partner_edited",
    "pledge_edited", "staff_beside_edit",
)  # fmt: skip
SHARE = 140
"""So many donations bring one change of each kind with them."""


Act = Callable[[], object]


class Changes:
    """The changes of one day, played one by one."""

    def __init__(self, seed: int, raisedonors: RaiseDonorsStore, aegis: AegisSimulator, population: Population) -> None:
        self._raisedonors = raisedonors
        self._aegis = aegis
        self._population = population
        self.events = Events(seed, raisedonors, aegis.store)
        self._twins: list[tuple[MadeGift, MadeGift]] = []
        self.counts: Counter[str] = Counter()
        self.beside: list[Interjection] = []

    def prepare(self, donations: int) -> list[int]:
        """Donors who never give, whose ids are returned, and pairs of gifts that only their ids tell apart."""
        rounds = times(donations)
        number = len([kind for kind in FORENOON if kind.startswith("stranger")]) * rounds
        strangers = [self._population.make_donor("new_person", gives=False).donor_id for _ in range(number)]
        self._twins = [self._population.make_twins() for _ in range(rounds)]
        return strangers

    def plan(self, kinds: tuple[str, ...], donations: int) -> list[Act]:
        """Acts for a time of the day, each kind in turn."""
        return [partial(self._play, kind) for kind in kinds * times(donations)]

    def _play(self, kind: str) -> None:
        if kind == "refund_twin":
            happened = self.events.happen("refund", record_id=self._twins.pop()[0].gift_id)
        elif kind == "staff_beside_edit":
            happened = self._edit_under_the_hands_of_staff()
        else:
            happened = self.events.happen(kind)
        self.counts[kind] += happened.record_id is not None

    def _edit_under_the_hands_of_staff(self) -> MadeEvent:
        """A donor and a schedule change, and staff edits partner and pledge right after the product has read them."""
        store = self._aegis.store
        made = self.events.happen("donor_phone")
        donor = str(made.record_id)
        gifts = store.transactions.values()
        partners = [one.partner_id for one in gifts if one.attribute("RaiseDonors.Donor.Id") == donor]
        if partners:
            self._beside(
                "getPartner", partners[-1], lambda: store.edit_partner(partners[-1], {"StaffVisit": "Tuesday"})
            )
        changed = self.events.happen("schedule_amount")
        if changed.record_id is not None:
            key = self._raisedonors.schedules.entry(int(changed.record_id)).latest.members.get("crmKey")
            pledge = store.pledges.get(str(key))
            if pledge is not None:
                edit = {"StaffRemark": "Called on Tuesday"}
                partner_id = str(pledge.model["PartnerID"])
                self._beside("getPledgeHistory", partner_id, lambda: store.edit_pledge(pledge.pledge_id, edit))
        return made

    def _beside(self, operation: str, partner_id: str, act: Callable[[], None]) -> None:
        self.beside.append(Interjection(operation, act, names=partner_id))
        self._aegis.interjections.append(self.beside[-1])

    def strangers_to_tell_of(self) -> set[int]:
        """Donors without a partner who look other than when they were added: somebody must be told."""
        edited = {int(event.record_id or 0) for event in self.events.happened if event.kind.startswith("stranger")}
        gave = {gift.donor_id for gift in self._population.gifts}
        strangers = [self._raisedonors.donors.entry(donor_id) for donor_id in edited - gave]
        return {one.record_id for one in strangers if edited_groups(one.history[0], one.latest)}


def times(donations: int) -> int:
    """How many changes of each kind come with so many donations."""
    return max(1, donations // SHARE)


def gift_kinds(seed: int, donations: int) -> list[str]:
    """Every kind at least once, the rest by chance, in a shuffled order; schedules begin early, to change later."""
    chance = random.Random(seed)  # noqa: S311 - the same seed plays the same day
    everyday = {**GOOD_KINDS, **QUIET_KINDS}
    # A simulator that breaks its own contract would spoil the count of violations.
    kinds = [*everyday, *(kind for kind in BAD_KINDS if kind not in OFF_CONTRACT_KINDS)]
    kinds += chance.choices(list(everyday), list(everyday.values()), k=max(0, donations - len(kinds)))
    chance.shuffle(kinds)
    begun = times(donations) * len([kind for kind in FORENOON if kind.startswith("schedule")])
    return ["first_of_schedule"] * begun + kinds


def spread(acts: list[Act], among: list[Act]) -> list[Act]:
    """The acts at even distances among others, none before the first third of them."""
    first = len(among) // 3
    mixed = list(among)
    for n, act in enumerate(acts):
        mixed.insert(first + (len(mixed) - first) * (n + 1) // (len(acts) + 1), act)
    return mixed
