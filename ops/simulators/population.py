"""A seeded population: donors and partners that fit each other, and a stream of gifts and edits to play a day with."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.simulators.aegis_pledges import seed_pledge
from ops.simulators.aegis_store import AegisStore
from ops.simulators.population_bad_gifts import BAD_KINDS, BIWEEKLY, OFF_CONTRACT_KINDS, BadGiftBuilder
from ops.simulators.population_codes import SETTINGS, seed_aegis_codes, seed_projects
from ops.simulators.population_donors import DONOR_KINDS, DonorMaker, MadeDonor
from ops.simulators.population_gifts import GOOD_KINDS, QUIET_KINDS, SCHEDULE_FREQUENCIES, GiftBuilder
from ops.simulators.population_schedules import next_charge, pledge_for, schedule_for
from ops.simulators.raisedonors_records import just_after
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of

__all__ = [
    "BAD_KINDS",
    "DONOR_KINDS",
    "GOOD_KINDS",
    "OFF_CONTRACT_KINDS",
    "QUIET_KINDS",
    "SETTINGS",
    "MadeDonor",
    "MadeGift",
    "Population",
]


@dataclass(frozen=True, slots=True)
class MadeGift:
    """A gift that was added to RaiseDonors."""

    gift_id: int
    kind: str
    donor_id: int
    schedule_id: int | None = None


class Population:
    """Fills both stores. The same seed and the same calls make the same content."""

    def __init__(self, seed: int, raisedonors: RaiseDonorsStore, aegis: AegisStore) -> None:
        self._chance = random.Random(seed)
        self._raisedonors = raisedonors
        self._aegis = aegis
        self.donors: list[MadeDonor] = []
        self.gifts: list[MadeGift] = []
        self._schedules: list[tuple[int, MadeDonor]] = []
        seed_aegis_codes(aegis)
        self.project_ids = seed_projects(raisedonors)
        self._donor_maker = DonorMaker(self._chance, raisedonors, aegis)
        self._gift_builder = GiftBuilder(self._chance, self.project_ids)
        self._bad_builder = BadGiftBuilder(self._gift_builder, self._donor_maker)

    @property
    def counts(self) -> Counter[str]:
        """How many gifts of each kind were made."""
        return Counter(gift.kind for gift in self.gifts)

    @property
    def donor_counts(self) -> Counter[str]:
        """How many donors of each kind were made."""
        return Counter(donor.kind for donor in self.donors)

    def build(
        self, donors: int = 100, gifts: int = 0, *, bad_gifts: int = 0, start: datetime | None = None
    ) -> Counter[str]:
        """Make donors, and gifts a minute apart, bad ones among them; the counts of gifts by kind."""
        kinds = list(DONOR_KINDS)
        # Every kind occurs once before chance decides.
        for n in range(donors):
            self.make_donor(kinds[n] if n < len(kinds) else self._drawn(DONOR_KINDS))
        moment = start or self._raisedonors.clock().astimezone(UTC) - timedelta(minutes=gifts + bad_gifts)
        wanted = [self._drawn({**GOOD_KINDS, **QUIET_KINDS}) for _ in range(gifts)]
        wanted += [BAD_KINDS[n % len(BAD_KINDS)] for n in range(bad_gifts)]
        self._chance.shuffle(wanted)
        for n, kind in enumerate(wanted):
            self.make_gift(kind, moment + timedelta(minutes=n))
        return self.counts

    def make_donor(self, kind: str, *, gives: bool = True) -> MadeDonor:
        """Add one donor of a kind, with the partners that go with it; one that does not give is drawn for no gift."""
        with self._raisedonors.lock, self._aegis.lock:
            made = self._donor_maker.make(kind)
        if gives:
            self.donors.append(made)
        return made

    def make_gift(
        self,
        kind: str | None = None,
        when: datetime | None = None,
        *,
        donor: MadeDonor | None = None,
        visible_after: timedelta | None = None,
    ) -> MadeGift:
        """Add one gift at a time; without a kind chance picks a good or a quiet one, without a donor any donor."""
        chosen = kind or self._drawn({**GOOD_KINDS, **QUIET_KINDS})
        with self._raisedonors.lock, self._aegis.lock:
            return self._make_gift(chosen, when or self._raisedonors.clock(), donor, visible_after)

    def make_twins(self, when: datetime | None = None) -> tuple[MadeGift, MadeGift]:
        """Add two gifts of one donor on one day that are alike in amount, project and appeal."""
        with self._raisedonors.lock, self._aegis.lock:
            moment = when or self._raisedonors.clock()
            first = self._make_gift("one_time", moment, None, None)
            members = {**self._raisedonors.gifts.entry(first.gift_id).latest.members, "transactionId": "ch_twin"}
            gift_id = self._raisedonors.add("gift", members, created=moment, modified=moment, label="one_time")
            second = MadeGift(gift_id, "one_time", first.donor_id)
            self.gifts.append(second)
            return first, second

    def _make_gift(
        self, chosen: str, moment: datetime, donor: MadeDonor | None, visible_after: timedelta | None
    ) -> MadeGift:
        if chosen in BAD_KINDS:
            members, giver = self._bad_builder.build(chosen, moment)
        else:
            giver = donor or self._any_donor()
            members = self._gift_builder.build(chosen, giver, moment)
        schedule_id, giver = self._scheduled(chosen, giver, members, moment)
        gift_id = self._raisedonors.add(
            "gift", members, created=moment, modified=moment, visible_after=visible_after, label=chosen,
            bad=chosen in BAD_KINDS,
        )  # fmt: skip
        made = MadeGift(gift_id, chosen, giver.donor_id, schedule_id)
        self.gifts.append(made)
        return made

    def _scheduled(
        self, kind: str, giver: MadeDonor, gift: dict[str, Any], moment: datetime
    ) -> tuple[int | None, MadeDonor]:
        """Give a gift of a schedule its schedule, and the schedule's own donor and amount."""
        if kind == "first_of_schedule":
            schedule_id = self._new_schedule(giver, moment, self._chance.choice(SCHEDULE_FREQUENCIES))
        elif kind == "biweekly_schedule":
            schedule_id = self._new_schedule(giver, moment, BIWEEKLY, known=False)
        elif kind == "imported_schedule":
            schedule_id, giver = self._imported_schedule(moment)
        elif kind == "later_of_schedule":
            charging = [one for one in self._schedules if self._charges(one[0])]
            schedule_id, giver = self._chance.choice(charging) if charging else self._imported_schedule(moment)
        else:
            return None, giver
        schedule = self._raisedonors.schedules.entry(schedule_id).latest.members
        self._charge(schedule_id, moment)
        gift |= self._gift_builder.plain(giver, moment, schedule["amount"])
        gift |= {
            "recurringGiftId": schedule_id,
            "motivationCode": schedule["motivationCode"],
            "projects": [
                {"projectId": share["projectId"], "amount": f"{share['amount']:.2f}"} for share in schedule["projects"]
            ],
        }
        return schedule_id, giver

    def _new_schedule(self, giver: MadeDonor, moment: datetime, frequency: int, *, known: bool = True) -> int:
        amount = self._gift_builder.amount()
        members = schedule_for(giver, moment, frequency, amount, self._gift_builder)
        schedule_id = self._raisedonors.add("schedule", members, created=moment, modified=moment)
        if known:
            self._schedules.append((schedule_id, giver))
        return schedule_id

    def _imported_schedule(self, moment: datetime) -> tuple[int, MadeDonor]:
        """A schedule from before, whose pledge is in Aegis already and whose key was imported."""
        known = [donor for donor in self.donors if donor.kind == "keyed"]
        giver = self._chance.choice(known) if known else self.make_donor("keyed")
        began = moment - timedelta(days=365)
        schedule_id = self._new_schedule(giver, began, 12)
        schedule = self._raisedonors.schedules.entry(schedule_id).latest.members
        pledge_id = seed_pledge(self._aegis, pledge_for(schedule, str(giver.partner_id), began))
        self._raisedonors.edit("schedule", schedule_id, {"crmKey": pledge_id}, modified=began + timedelta(days=1))
        return schedule_id, giver

    def _charges(self, schedule_id: int) -> bool:
        return str(self._raisedonors.schedules.entry(schedule_id).latest.members["statusText"]) == "Active"

    def _charge(self, schedule_id: int, moment: datetime) -> None:
        """The gateway moves the next charge date past each charge; the first one comes with the schedule."""
        schedule = self._raisedonors.schedules.entry(schedule_id)
        if schedule.created < ticks_of(moment):
            following = {"nextChargeDate": next_charge(moment, schedule.latest.members["frequency"])}
            self._raisedonors.edit("schedule", schedule_id, following, modified=just_after(schedule, moment))

    def _any_donor(self) -> MadeDonor:
        return self._chance.choice(self.donors) if self.donors else self.make_donor("new_person")

    def _drawn(self, weights: dict[str, int]) -> str:
        return self._chance.choices(list(weights), list(weights.values()))[0]
