"""A donation on its way into Aegis: gather, check, partner, pledge, transaction, keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import funds_of, transaction_body
from giftbridge.domain.aegis_mapping import Gathered
from giftbridge.domain.aegis_values import filled
from giftbridge.domain.amounts import Money
from giftbridge.domain.corrections import corrected, corrected_projects, in_force, values_of
from giftbridge.domain.deliveries import Step
from giftbridge.domain.donations import Donation, Donor, LeftOut, Project
from giftbridge.domain.left_out import left_out_of_aegis
from giftbridge.domain.mapping_rows import Body
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.restores import may_have_been_sent, sent_since
from giftbridge.domain.reversals import ADOPTED, former_invoices
from giftbridge.domain.settings import AegisSettings, Settings
from giftbridge.domain.validation import is_reversed, require_eligible, require_sound
from giftbridge.errors import Rejected
from giftbridge.flows.aegis_codes import AegisCodes
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.aegis_pledges import AegisPledges, PledgePlan
from giftbridge.flows.aegis_transactions import post_transaction, signed
from giftbridge.flows.left_out import TOLD, WHAT, telling, untold
from giftbridge.flows.projects import Projects
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import invoice_claim

SYSTEM = "aegis"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A donation with all that was read about it, checked before anything is changed."""

    donation: Donation
    donor: Donor
    projects: dict[int, Project]
    appeal_code: str
    pledge: PledgePlan | None


class AegisDonations:
    """Brings donations to Aegis."""

    def __init__(
        self,
        tools: Tools,
        raisedonors: RaiseDonors,
        aegis: Aegis,
        codes: AegisCodes,
        partners: AegisPartners,
        pledges: AegisPledges,
    ) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.codes = codes
        self.projects = Projects(raisedonors, tools.budgets.of("raisedonors"), tools.now, tools.lock)
        self.partners = partners
        self.pledges = pledges

    def carry(self, work: Work) -> None:
        """The donation becomes a transaction; see design of the path in docs/architecture.md."""
        _, settings = self.tools.settings()
        source = self.raisedonors.donation(work.delivery.entity_id)
        key = self.key_of_others(work, source)
        if key is not None:
            self._adopt(work, key)
            return
        if may_have_been_sent(work.facts):
            # Where the deliveries alone were restored, a hold outlives the attempt that took it.
            work.settling += [f"donor#{source.donor_id}", f"schedule#{source.schedule_id}"]
        if sent_since(work.facts, Step.TRANSACTION) is not None and is_reversed(source):
            self._look_for_original(work, settings, source)
        prepared = self.prepare(work, settings, source)
        partner_id = self.partners.settle(work, prepared.donor, settings.aegis)
        self._send(work, prepared, partner_id, settings.aegis)

    def _look_for_original(self, work: Work, settings: Settings, source: Donation) -> None:
        """A gift given back by now, which the life before a restore may have sent: nothing is made to look for it.

        Raises UnknownOutcome, so that it is looked for. Without a partner it was never sent.
        """
        prepared = self.prepare(work, settings, source, only_looks=True)
        partner_id = self.partners.known(work, prepared.donor, settings.aegis, search=True)
        if partner_id is None:
            return
        donation = prepared.donation
        pledge_id = self.pledges.named(donation) if donation.schedule_id is not None else None
        gathered = Gathered(
            donation,
            prepared.donor,
            prepared.projects,
            settings.aegis,
            partner_id,
            prepared.appeal_code,
            donation.created_at,
            self.tools.zone,
            pledge_id,
        )
        work.begin(Step.TRANSACTION, signed(transaction_body(gathered), donation.currency))

    def number_stored(self, work: Work) -> str | None:
        """The number under which somebody found what a lost request made, and stored it on the donation."""
        key = self.key_of_others(work)
        claims = self.tools.keys.claimed_by([invoice_claim(key)], SYSTEM)
        return key if set(claims.values()) <= {work.delivery.id} else None

    def key_of_others(self, work: Work, source: Donation | None = None) -> str | None:
        """The invoice number that others have stored on the donation, if it carries one that was never ours."""
        key = (source or self.raisedonors.donation(work.delivery.entity_id)).crm_key
        return key if key not in former_invoices(work.delivery) else None

    def _adopt(self, work: Work, invoice: str) -> None:
        """Somebody else has recorded the donation since it was first seen: its key is taken over, nothing is sent.

        Raises Rejected where the key is that of another donation.
        """
        claim = invoice_claim(invoice)
        claimant = self.tools.keys.claimed_by([claim], SYSTEM).get(claim, work.delivery.id)
        if claimant != work.delivery.id:
            raise Rejected(
                f"{invoice[:40]!r} is the number of {claimant}",
                cause="key-of-another",
                field="crmKey",
                remedy="correct or remove the gift's CRM key on RaiseDonors, then retry",
            )
        for unsure in ("partner", "pledge", "matched_by"):
            work.facts.pop(unsure, None)
        # Others sent it: what an attempt of ours would have sent tells nothing of it.
        work.delivery = replace(work.delivery, attempt=None)
        how = "adopted: the donation carried a CRM key before it was sent"
        work.delivered({"invoice": invoice, "how": how, ADOPTED: "late"}, how, claim=claim, proven=False)

    def prepare(
        self, work: Work, settings: Settings, source: Donation | None = None, *, only_looks: bool = False
    ) -> Prepared:
        """Check the source as it is now and refuse what Aegis would refuse, before any write.

        To look for what was sent before, it need not be sent any more, and no pledge is planned.
        """
        donation = source or self.raisedonors.donation(work.delivery.entity_id)
        return self.projects.tried(lambda: self._prepared(work, settings, donation, only_looks=only_looks))

    def _prepared(self, work: Work, settings: Settings, source: Donation, *, only_looks: bool) -> Prepared:
        if work.delivery.corrections:
            self._drop_overtaken(work, source)
        donation = corrected(source, work.delivery.corrections)
        if not only_looks:
            require_eligible(donation, settings)
        require_sound(donation, settings.aegis.currency)
        donor = self.raisedonors.donor(donation.donor_id)
        donation, projects = self.as_spelled(
            donation, self.projects_of(donation, work.delivery.corrections), settings.aegis
        )
        appeal_code = self.appeal(donation, settings.aegis)
        zone = settings.time_zone
        rehearsal = Gathered(donation, donor, projects, settings.aegis, "", appeal_code, donation.created_at, zone)
        body = transaction_body(rehearsal)
        self.require_codes(donation, body, settings.aegis)
        pledge = None if only_looks else self.pledges.plan(work, donation, donor, settings.aegis)
        return Prepared(donation, donor, projects, appeal_code, pledge)

    def _drop_overtaken(self, work: Work, source: Donation) -> None:
        """A correction of what was changed on RaiseDonors since does not count any more, for its refund neither."""
        kept = in_force(work.delivery, values_of(source, self.projects_of(source, {})))
        dropped = sorted(set(work.delivery.corrections) - set(kept))
        if dropped:
            work.note("correction dropped", f"changed on RaiseDonors since it was corrected: {', '.join(dropped)}")
            work.delivery = replace(work.delivery, corrections=kept)

    def projects_of(self, donation: Donation, corrections: Mapping[str, str]) -> dict[int, Project]:
        """The projects of a donation by id, with the codes that it is to be sent with."""
        named = self.projects.named([allocation.project_id for allocation in donation.allocations])
        return corrected_projects(named, corrections)

    def _send(self, work: Work, prepared: Prepared, partner_id: str, settings: AegisSettings) -> None:
        """Pledge, then transaction."""
        donation = prepared.donation
        schedule = prepared.pledge.schedule if prepared.pledge is not None else None
        self._tell_left_out(work, left_out_of_aegis(donation, prepared.donor, schedule))
        applied: dict[str, str | None] = {}

        def body_for(partner: str) -> Body:
            to = self.pledges.settle(work, prepared.pledge, prepared.donor, partner, settings)
            applied["pledge"] = to.pledge_id
            return transaction_body(
                Gathered(
                    donation,
                    prepared.donor,
                    prepared.projects,
                    settings,
                    to.partner_id,
                    prepared.appeal_code,
                    donation.created_at,
                    self.tools.zone,
                    to.pledge_id,
                    schedule=schedule,
                )
            )

        def anew(refused_id: str, refused: Rejected) -> str:
            return self.partners.settle_anew(work, prepared.donor, refused_id, settings, refused)

        invoice, partner_id = post_transaction(work, self.aegis, partner_id, donation.currency, body_for, anew)
        work.facts.update(partner=partner_id, amount=str(Money(donation.amount, donation.currency)))
        if applied["pledge"] is not None:
            work.facts["pledge"] = applied["pledge"]
        self.record(work, invoice, "recorded in Aegis", proven=True)

    def _tell_left_out(self, work: Work, left_out: Sequence[LeftOut]) -> None:
        names = untold(work.facts, left_out)
        if names:
            work.facts[TOLD] = names
            work.note(WHAT, telling(names), {"fields": names})

    def record(self, work: Work, invoice: str, why: str, *, proven: bool) -> None:
        """The fact: the donation is in Aegis under this number; the number goes onto the gift too."""
        work.mirrors.append(Mirror(Mirrored.DONATION, work.delivery.entity_id, invoice))
        work.delivered({"invoice": invoice}, why, claim=invoice_claim(invoice), proven=proven)

    def appeal(self, donation: Donation, settings: AegisSettings) -> str:
        """The gift's motivation code where Aegis knows it, else the default appeal."""
        code, default = filled(donation.motivation_code), filled(settings.default_appeal_code)
        code = self.codes.spelled("appeal", code, settings) if code is not None else None
        if code is not None and (default is None or code == default):
            self.codes.require("appeal", code, "motivationCode", settings)
            return code
        if code is not None and self.codes.verdict("appeal", code, settings) in {"active", "not-offered"}:
            return code
        if default is None:
            raise Rejected(
                "is missing, and Aegis takes no transaction without an appeal",
                cause="appeal-missing",
                field="motivationCode",
                remedy="add a motivation code on RaiseDonors, or set aegis.default_appeal_code, then retry",
            )
        self.codes.require("appeal", default, "setting aegis.default_appeal_code", settings)
        return default

    def as_spelled(
        self, donation: Donation, projects: Mapping[int, Project], settings: AegisSettings
    ) -> tuple[Donation, dict[int, Project]]:
        """The donation and its projects with their codes in Aegis' own spelling."""
        spelled = {
            number: replace(project, code=self.codes.spelled("fund", project.code, settings))
            if filled(project.code) and project.code is not None
            else project
            for number, project in projects.items()
        }
        premium = donation.premium
        if premium is None:
            return donation, spelled
        code = self.codes.spelled("product", premium.product_code, settings)
        return replace(donation, premium=replace(premium, product_code=code)), spelled

    def require_codes(self, donation: Donation, body: Body, settings: AegisSettings) -> None:
        """Raises Rejected, naming the code and the remedy, when Aegis would refuse one."""
        for fund in funds_of(body):
            self.codes.require("fund", fund, "project.code", settings)
        if filled(settings.channel):
            self.codes.require("channel", settings.channel, "setting aegis.channel", settings)
        if filled(settings.batch_category):
            self.codes.require("batch_category", settings.batch_category, "setting aegis.batch_category", settings)
        if donation.premium is not None and body.get("ProductOrders"):
            self.codes.require("product", donation.premium.product_code, "premium.productCode", settings)
            if filled(settings.warehouse_id):
                self.codes.require("warehouse", settings.warehouse_id, "setting aegis.warehouse_id", settings)
