"""The pledge of a schedule: created before its first gift, verified before each later one (requirements A7, A8)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import pledge_body
from giftbridge.domain.aegis_mapping import GatheredPledge
from giftbridge.domain.aegis_values import filled
from giftbridge.domain.agreed import ACTIVE_STATUS, INACTIVE_STATUSES, Fields, digest_of, schedule_fields
from giftbridge.domain.change_sightings import sighted_again
from giftbridge.domain.deliveries import OPEN_STATES, Attempt, Delivery, Kind, State, Step
from giftbridge.domain.delivery_ids import schedule_changed_id
from giftbridge.domain.delivery_life import new_delivery
from giftbridge.domain.donations import Donation, Donor, Schedule
from giftbridge.domain.notices import PLEDGE_RECREATED
from giftbridge.domain.partners import Pledge
from giftbridge.domain.probing import FORGOTTEN
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.validation import require_sound_schedule
from giftbridge.errors import Held, LostRace, RecordMissing, Rejected
from giftbridge.flows.aegis_codes import AegisCodes
from giftbridge.flows.holds import KeyState, key_or_free
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import pledge_claim
from giftbridge.store.restores import newest_restore

SYSTEM = "aegis"
_WAIT = timedelta(seconds=5)
# Staff may have merged its partner into another one, and Aegis does not say into whom.
END_IT_ELSEWHERE = "if it is active under another partner, end it there"


@dataclass(frozen=True, slots=True)
class PledgePlan:
    """What is known of a schedule's pledge. `schedule` is read only when a pledge may have to be made or adopted."""

    schedule_id: int
    known: KeyState
    schedule: Schedule | None
    motivation_code: str | None

    @property
    def entity(self) -> str:
        return f"schedule#{self.schedule_id}"


@dataclass(frozen=True, slots=True)
class Applied:
    """The partner a gift goes to, and the pledge of theirs that it is applied to, if any."""

    partner_id: str
    pledge_id: str | None


class AegisPledges:
    """Finds or makes the pledge of a schedule, one delivery at a time."""

    def __init__(self, tools: Tools, aegis: Aegis, raisedonors: RaiseDonors, codes: AegisCodes) -> None:
        self.tools = tools
        self.aegis = aegis
        self.raisedonors = raisedonors
        self.codes = codes

    def plan(self, work: Work, donation: Donation, donor: Donor, settings: AegisSettings) -> PledgePlan | None:
        """What the donation needs; None for a one-time gift, or where it is to be sent without a pledge.

        Raises Rejected for a schedule that is gone or cannot become a pledge.
        """
        if donation.schedule_id is None:
            return None
        known = key_or_free(self.tools, work, f"schedule#{donation.schedule_id}", SYSTEM)
        if known.key is not None:
            return PledgePlan(donation.schedule_id, known, None, donation.motivation_code)
        schedule = self.raisedonors.schedule(donation.schedule_id)
        schedule = replace(schedule, created_at=schedule.created_at or donation.created_at)
        plan = PledgePlan(donation.schedule_id, known, schedule, donation.motivation_code)
        if schedule.crm_key is None and self._body(work, plan, schedule, donor, "", settings) is None:
            return None
        return plan

    def settle(
        self, work: Work, plan: PledgePlan | None, donor: Donor, partner_id: str, settings: AegisSettings
    ) -> Applied:
        """The pledge, just verified or just created, to apply the gifts to; none to apply them to none.

        A schedule that moved to another donor, when two were merged on RaiseDonors, keeps its pledge, which stays with
        its partner: the schedule's gifts go there.
        """
        if plan is None:
            return Applied(partner_id, None)
        candidate = plan.known.key or (plan.schedule.crm_key if plan.schedule else None)
        if candidate is None:
            return Applied(partner_id, self._create(work, plan, donor, partner_id, settings))
        pledges = self.aegis.pledges(partner_id)
        pledge = _named(pledges, candidate)
        if pledge is not None and pledge.is_active:
            if plan.known.key is None:
                work.settle_key(plan.entity, pledge.id, "imported key", plan.known.ended)
            return Applied(partner_id, pledge.id)
        kept = self.kept_elsewhere(plan.entity, candidate, donor, partner_id) if pledge is None else None
        return kept or Applied(partner_id, self._replaced(work, plan, donor, partner_id, settings, pledges))

    def named(self, donation: Donation) -> str | None:
        """The pledge that a donation's schedule has, as our keys or RaiseDonors name it; nothing is verified."""
        row = self.tools.keys.get(f"schedule#{donation.schedule_id}", SYSTEM)
        if row is not None and row.key is not None:
            return row.key
        try:
            return self.raisedonors.schedule(donation.schedule_id).crm_key if donation.schedule_id else None
        except RecordMissing:
            return None

    def kept_elsewhere(self, schedule: str, pledge_id: str, donor: Donor, partner_id: str) -> Applied | None:
        """A pledge under the partner of the donor whose schedule it was made for, where that was another donor."""
        row = self.tools.keys.get(schedule, SYSTEM)
        if row is None or row.key != pledge_id:
            # A key that others stored may name anybody's pledge.
            return None
        claim = f"aegis-pledge#{pledge_id}"
        by = row.by or self.tools.keys.claimed_by([claim], SYSTEM).get(claim, "")
        maker = self.tools.deliveries.get(by) if by else None
        if maker is None or maker.donor_id in {None, donor.id}:
            return None
        former = self.tools.keys.get(f"donor#{maker.donor_id}", SYSTEM)
        if former is None or former.key in {None, partner_id}:
            return None
        partner = self.aegis.partner(str(former.key))
        if partner is None or not partner.is_active:
            return None
        pledge = _named(self.aegis.pledges(partner.id), pledge_id)
        return Applied(partner.id, pledge.id) if pledge is not None and pledge.is_active else None

    def _replaced(
        self,
        work: Work,
        plan: PledgePlan,
        donor: Donor,
        partner_id: str,
        settings: AegisSettings,
        pledges: list[Pledge],
    ) -> str | None:
        """The pledge in place of one that is lost: the one that others made, or what the setting says."""
        imported = plan.schedule.crm_key if plan.schedule else None
        candidate = plan.known.key or imported or ""
        why = "is inactive" if _named(pledges, candidate) is not None else "does not exist"
        schedule = plan.schedule or self.raisedonors.schedule(plan.schedule_id)
        others = _named(pledges, schedule.crm_key or "") if plan.known.key is not None else None
        if others is not None and others.is_active and self.unclaimed([others], work.delivery.id):
            self._take_over(work, plan, others.id, f"pledge {candidate} {why}")
            return others.id
        return self._lost(work, replace(plan, schedule=schedule), donor, partner_id, settings, why)

    def _take_over(self, work: Work, plan: PledgePlan, pledge_id: str, why: str) -> None:
        """Others have given the schedule another pledge, and stored it there: it is the schedule's from now on."""
        seen = self.tools.keys.get(plan.entity, SYSTEM)
        work.note("pledge taken over", f"{why}; RaiseDonors names {pledge_id}")
        work.also.append(self.tools.keys.link(plan.entity, SYSTEM, pledge_id, "imported key", seen, work.now))
        claim = pledge_claim(pledge_id)
        work.also.append(self.tools.keys.claim(claim, SYSTEM, work.delivery.id, work.now))

    def _lost(
        self, work: Work, plan: PledgePlan, donor: Donor, partner_id: str, settings: AegisSettings, why: str
    ) -> str | None:
        lost = plan.known.key or (plan.schedule.crm_key if plan.schedule else None)
        schedule = plan.schedule or self.raisedonors.schedule(plan.schedule_id)
        plan = replace(plan, schedule=schedule)
        if schedule.status.strip().casefold() in INACTIVE_STATUSES:
            work.note("sent without a pledge", f"pledge {lost} {why}, as its schedule ({schedule.status[:20]})")
            return None
        self._require_no_resumption(work, plan)
        if settings.on_lost_pledge == "fail":
            raise Rejected(
                f"pledge {lost} of schedule {plan.schedule_id} {why}",
                cause="pledge-lost",
                field="recurringGift.crmKey",
                remedy="reactivate the pledge in Aegis, or change the setting aegis.on_lost_pledge, then retry",
            )
        if settings.on_lost_pledge == "send_without_pledge":
            work.note("sent without a pledge", f"pledge {lost} {why}")
            return None
        return self._create(work, plan, donor, partner_id, settings, f"pledge {lost} {why}")

    def _require_no_resumption(self, work: Work, plan: PledgePlan) -> None:
        """A schedule that was resumed gets its own pledge back: the gift waits for that. Raises Held."""
        agreed = self.tools.agreed.get(plan.entity, SYSTEM)
        if agreed is None or agreed.get("status") not in INACTIVE_STATUSES or _is_of_schedule(work):
            return
        name = schedule_changed_id(plan.schedule_id)
        resuming = self.tools.deliveries.get(name)
        if resuming is None or resuming.state is not State.FAILED:
            self._sight_schedule(work, plan.schedule_id, resuming)
            text = f"schedule {plan.schedule_id} was resumed, and its pledge is not active again yet: {name}"
            raise Held(text, waits_for=name, not_before=work.now + _WAIT)

    def _sight_schedule(self, work: Work, schedule_id: int, known: Delivery | None) -> None:
        """A schedule that differs from what was agreed on, seen by its gift before any feed: counted as a sighting."""
        mark = f"seen by {work.delivery.id}"
        if known is None:
            new = new_delivery(
                id=schedule_changed_id(schedule_id),
                kind=Kind.SCHEDULE_CHANGED,
                donor_id=work.delivery.donor_id,
                entity_id=str(schedule_id),
                now=work.now,
            )
            self.tools.deliveries.add(replace(new, wanted=1, seen=mark))
        elif known.state not in OPEN_STATES:
            with suppress(LostRace):
                self.tools.deliveries.save(known, sighted_again(known, mark, work.now))

    def _create(
        self,
        work: Work,
        plan: PledgePlan,
        donor: Donor,
        partner_id: str,
        settings: AegisSettings,
        why_anew: str | None = None,
    ) -> str | None:
        schedule = plan.schedule or self.raisedonors.schedule(plan.schedule_id)
        body = self._body(work, plan, schedule, donor, partner_id, settings)
        if body is None:
            return None
        if why_anew is not None:
            work.note("pledge recreated", why_anew)
        fields = schedule_fields(schedule)
        if fields.get("status") in INACTIVE_STATUSES:
            # Its gift needs a live pledge; the schedule's own delivery ends it afterwards.
            self._sight_schedule(work, schedule.id, self.tools.deliveries.get(schedule_changed_id(schedule.id)))
            fields["status"] = ACTIVE_STATUS
        row = self.tools.keys.get(plan.entity, SYSTEM) if plan.known.key is not None else None
        if row is not None and row.key is not None and row.key == plan.known.key:
            # Not where this turn has given it up already, for a partner that Aegis then refused.
            work.also.append(self.tools.keys.lose(plan.entity, SYSTEM, row.key, work.delivery.id, work.now))
        if not any(write.label == plan.entity for write in work.also):
            work.hold_key(plan.entity, plan.known.ended)
        values = {
            "entity": plan.entity,
            "partner": partner_id,
            "amount": str(body["PledgeAmount"]),
            "frequency": str(body["Frequency"]),
            "start": str(body["StartDate"]),
            "pledged": str(body.get("DatePledged", "")),
            "schedule": digest_of(fields),
            "why_anew": why_anew or "",
        }
        restore = newest_restore(self.tools.state)
        if restore is not None:
            work.facts |= restore.pledge_facts(work.facts, schedule.created_at)
        work.begin(Step.PLEDGE, values)
        pledge_id = self.aegis.create_pledge(body)
        self._settled(work, plan.entity, pledge_id, "created", fields, settings)
        return pledge_id

    def found_after_lost_answer(self, work: Work, attempt: Attempt, pledge_id: str, settings: AegisSettings) -> None:
        """The pledge that a lost request was to make is there. What it was made from may have changed since."""
        entity = attempt.values["entity"]
        schedule = self.raisedonors.schedule(int(entity.removeprefix("schedule#")))
        fields, is_forgotten = schedule_fields(schedule), FORGOTTEN in attempt.values
        is_as_sent = digest_of(fields) == attempt.values.get("schedule") and not is_forgotten
        if is_forgotten:
            self._sight_schedule(work, schedule.id, self.tools.deliveries.get(schedule_changed_id(schedule.id)))
        self._settled(work, entity, pledge_id, "found after a lost answer", fields if is_as_sent else {}, settings)
        if is_as_sent:
            work.facts["pledge"] = pledge_id

    def _settled(
        self, work: Work, entity: str, pledge_id: str, rule: str, fields: Fields, settings: AegisSettings
    ) -> None:
        """Store a schedule's pledge id with the next step, claim the pledge, and note what it was made from."""
        work.settle_key(entity, pledge_id, rule)
        work.also.append(work.agree(entity, fields))
        delivery = work.delivery
        claim = pledge_claim(pledge_id)
        why_anew = delivery.attempt.values.get("why_anew") if delivery.attempt is not None else None
        if why_anew:
            work.notify(PLEDGE_RECREATED, entity, f"a new pledge was made: {why_anew}; {END_IT_ELSEWHERE}")
        work.also.append(self.tools.keys.claim(claim, delivery.destination, delivery.id, work.now))
        if settings.mirror_pledge_id:
            work.mirrors.append(Mirror(Mirrored.SCHEDULE, entity.removeprefix("schedule#"), pledge_id))

    def unclaimed(self, pledges: Iterable[Pledge], delivery_id: str) -> list[Pledge]:
        """Those of the pledges that no other schedule has."""
        found = list(pledges)
        claims = self.tools.keys.claimed_by([pledge_claim(pledge.id) for pledge in found], SYSTEM)
        return [pledge for pledge in found if claims.get(pledge_claim(pledge.id), delivery_id) == delivery_id]

    def _body(
        self,
        work: Work,
        plan: PledgePlan,
        schedule: Schedule,
        donor: Donor,
        partner_id: str,
        settings: AegisSettings,
    ) -> dict[str, object] | None:
        """The pledge to create; None where a frequency Aegis cannot express is set to go without one."""
        require_sound_schedule(schedule)
        if filled(settings.pledge_program_name):
            program = settings.pledge_program_name
            self.codes.require("pledge_program", program, "setting aegis.pledge_program_name", settings)
        appeal_code = self.appeal(schedule, plan.motivation_code, settings)
        try:
            return pledge_body(GatheredPledge(schedule, donor, settings, partner_id, appeal_code, self.tools.zone))
        except Rejected as refused:
            if refused.cause != "unmappable-frequency" or settings.on_unmappable_frequency != "send_without_pledge":
                raise
            work.note("sent without a pledge", refused.explain())
            return None

    def appeal(self, schedule: Schedule, gift_code: str | None, settings: AegisSettings) -> str | None:
        """The first of schedule's, gift's and default appeal that Aegis knows; a pledge needs none."""
        for written in (schedule.motivation_code, gift_code, settings.default_appeal_code):
            code = self.codes.spelled("appeal", written, settings) if written is not None and filled(written) else None
            if code is not None and self.codes.verdict("appeal", code, settings) in {"active", "not-offered"}:
                return code
        return None


def _named(pledges: Iterable[Pledge], pledge_id: str) -> Pledge | None:
    return next((pledge for pledge in pledges if pledge.id.casefold() == pledge_id.casefold()), None)


def _is_of_schedule(work: Work) -> bool:
    return work.delivery.kind in {Kind.SCHEDULE_CHANGED, Kind.SCHEDULE_ENDED}
