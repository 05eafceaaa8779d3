"""A schedule's change on its way into Aegis: into its pledge (requirements B2, B5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_mapping import GatheredPledge
from giftbridge.domain.aegis_merging import Merge, Record, merged_pledge
from giftbridge.domain.agreed import RELIED_ON, Fields, changed_since, is_active, schedule_fields
from giftbridge.domain.deliveries import Step
from giftbridge.domain.donations import Donor, Schedule
from giftbridge.domain.frequencies import aegis_frequency
from giftbridge.domain.notices import PLEDGE_NOT_ENDED
from giftbridge.domain.restores import COMPARED, is_to_be_compared
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.validation import require_sound_schedule
from giftbridge.errors import Rejected, RetryLater, Skipped
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.aegis_pledges import END_IT_ELSEWHERE, AegisPledges, PledgePlan
from giftbridge.flows.aegis_probes import AegisProbes
from giftbridge.flows.aegis_saves import SYSTEM, save_whole, told
from giftbridge.flows.holds import KeyState, key_or_free, require_no_open_donation
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work


@dataclass(frozen=True, slots=True)
class _Change:
    """A schedule as it is now, and what of it the pledge may not have yet."""

    entity: str
    schedule: Schedule
    donor: Donor
    settings: AegisSettings
    fields: Fields
    agreed: Fields
    changed: Collection[str]
    known: KeyState
    is_active: bool
    appeal_code: str | None
    zone: str

    @property
    def agreeing(self) -> Fields:
        """What both sides agree on once the change is in the pledge; what cannot be expressed there stays as it was."""
        sent = {name: value for name, value in self.fields.items() if name in self.changed}
        return {**{name: value for name, value in self.agreed.items() if name not in self.changed}, **sent}

    @property
    def pledge_id(self) -> str | None:
        return self.known.key or self.schedule.crm_key

    def merged(self, record: Record, partner_id: str) -> Merge:
        """The pledge with the change."""
        gathered = GatheredPledge(self.schedule, self.donor, self.settings, partner_id, self.appeal_code, self.zone)
        return merged_pledge(record, gathered, self.changed, active=self.is_active)


class AegisSchedules:
    """Brings changes of schedules to their pledges."""

    def __init__(
        self,
        tools: Tools,
        raisedonors: RaiseDonors,
        aegis: Aegis,
        partners: AegisPartners,
        pledges: AegisPledges,
        probes: AegisProbes,
    ) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.partners = partners
        self.pledges = pledges
        self.probes = probes

    def carry(self, work: Work) -> None:
        """The pledge is read, merged and saved whole; made, where a live schedule has none."""
        change = self._change(work)
        if not change.is_active:
            if change.pledge_id is None:
                self._skip(work, change, "there is no pledge to end", "no-pledge")
            # A gift of a schedule that was ended since still belongs to its pledge.
            require_no_open_donation(self.tools, work)
        partner_id = self._partner(work, change)
        if change.pledge_id is None:
            self._create(work, change, partner_id)
            return
        pledge_id = change.pledge_id
        record = self.aegis.pledge_record(partner_id, pledge_id)
        if record is None:
            kept = self.pledges.kept_elsewhere(change.entity, pledge_id, change.donor, partner_id)
            if kept is not None:
                partner_id = work.facts["partner"] = kept.partner_id
                record = self.aegis.pledge_record(partner_id, pledge_id)
        if record is None:
            self._gone(work, change, partner_id, pledge_id)
            return
        self._save(work, change, partner_id, pledge_id, record)

    def probe(self, work: Work) -> None:
        """Whether the pledge that was being made or saved when the answer was lost is there."""
        attempt = work.delivery.attempt
        if attempt is not None and attempt.step is Step.SAVE:
            change = self._change(work)
            partner_id = self.partners.known(work, change.donor, change.settings)
            record = self.aegis.pledge_record(partner_id, change.pledge_id) if partner_id and change.pledge_id else None
            if partner_id is not None and record is not None and not change.merged(record, partner_id).changes:
                self._found(work, change)
                return
        else:
            work.facts.pop("pledge", None)
            self.probes.look(work)
            if "pledge" in work.facts:
                work.delivered({}, "found in Aegis after the answer was lost", proven=False)
                return
        work.surely_not_sent()

    def _found(self, work: Work, change: _Change) -> None:
        agreeing = work.agree(change.entity, change.agreeing)
        work.facts["pledge"] = str(change.pledge_id)
        work.delivered({}, "found in Aegis after the answer was lost", proven=False, writes=[agreeing])

    def _change(self, work: Work) -> _Change:
        _, settings = self.tools.settings()
        schedule = self.raisedonors.schedule(int(work.delivery.entity_id))
        entity = f"schedule#{schedule.id}"
        bases, fields = self.tools.agreed.bases(entity, SYSTEM), schedule_fields(schedule)
        if is_to_be_compared(work.facts):
            # What the life before a restore agreed on is forgotten: the pledge is brought in step with all there is.
            bases = (*bases, {})
        if bases and not changed_since(bases, fields):
            raise Skipped("nothing that Aegis knows changed", cause="nothing-changed")
        active = is_active(schedule)
        if active:
            require_sound_schedule(schedule)
        changed = _changed(bases, fields, schedule, settings.aegis, is_active=active)
        # Where others made the pledge, what is not compared counts as agreed on.
        agreed = bases[0] if bases else {name: value for name, value in fields.items() if name not in changed}
        donor = self.raisedonors.donor(schedule.donor_id)
        known = key_or_free(self.tools, work, entity, SYSTEM)
        is_new_appeal = "motivation code" in changed
        appeal_code = self.pledges.appeal(schedule, None, settings.aegis) if is_new_appeal else None
        return _Change(
            entity,
            schedule,
            donor,
            settings.aegis,
            fields,
            agreed,
            changed,
            known,
            active,
            appeal_code,
            settings.time_zone,
        )

    def _partner(self, work: Work, change: _Change) -> str:
        """The donor's partner. Raises Skipped where there is none: the schedule's first gift makes it."""
        partner_id = self.partners.known(work, change.donor, change.settings, search=True)
        if partner_id is None:
            require_no_open_donation(self.tools, work)
            self._skip(
                work,
                change,
                "the donor has no partner yet; the schedule's first gift makes partner and pledge",
                "no-partner",
            )
        work.facts["partner"] = str(partner_id)
        return str(partner_id)

    def _create(self, work: Work, change: _Change, partner_id: str) -> None:
        plan = PledgePlan(change.schedule.id, change.known, change.schedule, None)
        pledge_id = self.pledges.settle(work, plan, change.donor, partner_id, change.settings).pledge_id
        if pledge_id is None:
            self._skip(work, change, "the schedule is to go without a pledge, as set", "no-pledge")
        work.delivered({"pledge": str(pledge_id)}, "pledge made in Aegis", proven=True)

    def _gone(self, work: Work, change: _Change, partner_id: str, pledge_id: str) -> None:
        """The pledge is no longer the partner's: what the setting on_lost_pledge says, for a live schedule."""
        if not change.is_active:
            self._tell_not_ended(work, change, partner_id, pledge_id)
            self._skip(work, change, f"pledge {pledge_id} is gone: there is nothing to end", "no-pledge")
        plan = PledgePlan(change.schedule.id, change.known, change.schedule, None)
        made = self.pledges.settle(work, plan, change.donor, partner_id, change.settings).pledge_id
        if made is None:
            self._skip(work, change, f"pledge {pledge_id} is gone, and none is to be made, as set", "no-pledge")
        if made == pledge_id:
            raise RetryLater(f"pledge {pledge_id} came back", cause="changed-meanwhile", system=SYSTEM)
        work.delivered({"pledge": str(made)}, f"pledge made anew in Aegis: {pledge_id} is gone", proven=True)

    @staticmethod
    def _tell_not_ended(work: Work, change: _Change, partner_id: str, pledge_id: str) -> None:
        """What is not there may stand under another partner, and only staff knows under whom."""
        text = f"the schedule ended, and pledge {pledge_id} is not partner {partner_id}'s: {END_IT_ELSEWHERE}"
        work.notify(PLEDGE_NOT_ENDED, change.entity, text)

    def _save(self, work: Work, change: _Change, partner_id: str, pledge_id: str, record: dict[str, Any]) -> None:
        work.facts["pledge"] = pledge_id
        if change.known.key is None:
            work.settle_key(change.entity, pledge_id, "imported key", change.known.ended)
        merged = save_whole(
            self.tools,
            work,
            f"pledge#{pledge_id}",
            record,
            lambda: self.aegis.pledge_record(partner_id, pledge_id),
            lambda fresh: change.merged(fresh, partner_id),
            self.aegis.save_pledge,
            self.tools.agreed.sending(change.entity, SYSTEM, change.agreed, change.agreeing, work.now),
        )
        if not merged.changes:
            self._skip(work, change, "Aegis has these values already", "nothing-changed")
        agreeing = work.agree(change.entity, change.agreeing)
        work.facts[COMPARED] = "yes"
        work.delivered({}, "saved in Aegis", proven=True, writes=[agreeing], details=told(merged))

    def _skip(self, work: Work, change: _Change, why: str, cause: str) -> NoReturn:
        """Nothing is to be sent; later changes are told from how the schedule is now. Raises Skipped."""
        work.facts[COMPARED] = "yes"
        work.also.append(work.agree(change.entity, change.agreeing))
        raise Skipped(why, cause=cause)


def _changed(
    bases: tuple[Fields, ...], fields: Fields, schedule: Schedule, settings: AegisSettings, *, is_active: bool
) -> frozenset[str]:
    """What the pledge may not have yet. A frequency that Aegis cannot express is left out where that is no failure."""
    changed = changed_since(bases, fields) if bases else RELIED_ON
    is_whole = bool(bases) and all(base.keys() >= RELIED_ON for base in bases)
    if is_whole and is_active and settings.on_unmappable_frequency == "fail":
        return changed
    try:
        aegis_frequency(schedule, settings.frequency_substitutes)
    except Rejected:
        return changed - {"charges a year"}
    return changed
