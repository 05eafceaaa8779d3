"""A donation on its way into Aegis: gather, check, partner, pledge, transaction, keys."""

from __future__ import annotations

from dataclasses import dataclass

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import funds_of, signature_of, transaction_body
from giftbridge.domain.aegis_mapping import Gathered
from giftbridge.domain.aegis_values import filled
from giftbridge.domain.deliveries import Step
from giftbridge.domain.donations import Donation, Donor, Project
from giftbridge.domain.settings import AegisSettings, Settings
from giftbridge.domain.validation import require_eligible, require_plain_names, require_sound
from giftbridge.errors import Rejected
from giftbridge.flows.aegis_codes import AegisCodes
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.aegis_pledges import AegisPledges, PledgePlan
from giftbridge.flows.aegis_probes import AegisProbes
from giftbridge.flows.key_mirror import KeyMirror
from giftbridge.flows.projects import Projects
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work


@dataclass(frozen=True, slots=True)
class Prepared:
    """A donation with all that was read about it, checked before anything is changed."""

    donation: Donation
    donor: Donor
    projects: dict[int, Project]
    appeal_code: str
    pledge: PledgePlan | None


class AegisDelivery:
    """Brings donations to Aegis."""

    destination = "aegis"

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.codes = AegisCodes(aegis, tools.state, tools.now)
        self.projects = Projects(raisedonors, tools.now)
        self.partners = AegisPartners(tools, aegis, self.codes)
        self.pledges = AegisPledges(tools, aegis, raisedonors, self.codes)
        self.probes = AegisProbes(tools, aegis, self.partners, self.pledges, raisedonors)
        self.keys_on_raisedonors = KeyMirror(tools, raisedonors)

    def carry(self, work: Work) -> None:
        """The donation becomes a transaction; see design of the path in docs/architecture.md."""
        _, settings = self.tools.settings()
        prepared = self.prepare(work, settings)
        partner_id = self.partners.settle(work, prepared.donor, settings.aegis)
        self._send(work, prepared, partner_id, settings.aegis)

    def prepare(self, work: Work, settings: Settings) -> Prepared:
        """Read the source as it is now and refuse what Aegis would refuse, before any write."""
        donation = self.raisedonors.donation(work.delivery.entity_id)
        require_eligible(donation, settings)
        require_sound(donation, settings.aegis.currency)
        donor = self.raisedonors.donor(donation.donor_id)
        require_plain_names(donor)
        projects = self.projects.named([allocation.project_id for allocation in donation.allocations])
        appeal_code = self._appeal(donation, settings.aegis)
        rehearsal = Gathered(donation, donor, projects, settings.aegis, "", appeal_code, donation.created_at)
        body = transaction_body(rehearsal)
        self._require_codes(donation, body, settings.aegis)
        pledge = self.pledges.plan(work, donation, donor, settings.aegis)
        return Prepared(donation, donor, projects, appeal_code, pledge)

    def _send(self, work: Work, prepared: Prepared, partner_id: str, settings: AegisSettings) -> None:
        """Pledge, then transaction; a partner that Aegis refuses is looked at again, once."""
        for last_try in (False, True):
            try:
                pledge_id = self.pledges.settle(work, prepared.pledge, prepared.donor, partner_id, settings)
                body = transaction_body(
                    Gathered(
                        prepared.donation,
                        prepared.donor,
                        prepared.projects,
                        settings,
                        partner_id,
                        prepared.appeal_code,
                        prepared.donation.created_at,
                        pledge_id,
                    )
                )
                work.begin(Step.TRANSACTION, signature_of(body))
                invoice = self.aegis.create_transaction(body)
            except Rejected as refused:
                # A refusal that names no member may mean the partner too: it is looked at once.
                names_another = bool(refused.field) and "partner" not in str(refused.field).casefold()
                if last_try or refused.status is None or names_another:
                    raise
                partner_id = self.partners.settle_anew(work, prepared.donor, partner_id, settings, refused)
                continue
            work.facts.update(partner=partner_id, amount=f"{prepared.donation.amount:.2f} {prepared.donation.currency}")
            if pledge_id is not None:
                work.facts["pledge"] = pledge_id
            self._delivered(work, invoice, "recorded in Aegis", proven=True)
            return

    def _delivered(self, work: Work, invoice: str, why: str, *, proven: bool) -> None:
        work.mirrors.append(f"donation:{work.delivery.entity_id}:{invoice}")
        work.delivered({"invoice": invoice}, f"aegis-invoice#{invoice}", why, proven=proven)

    def probe(self, work: Work) -> None:
        """Look whether the lost request landed."""
        invoice = self.probes.look(work)
        if invoice is None:
            work.surely_not_sent()
        else:
            work.facts["how"] = "found after the answer was lost"
            self._delivered(work, invoice, "found in Aegis after the answer was lost", proven=False)

    def mirror(self, work: Work) -> None:
        """Store the keys on RaiseDonors."""
        self.keys_on_raisedonors.store(work)

    def ping(self) -> None:
        """A harmless read."""
        self.aegis.ping()

    def _appeal(self, donation: Donation, settings: AegisSettings) -> str:
        """The gift's motivation code where Aegis knows it, else the default appeal."""
        code, default = filled(donation.motivation_code), filled(settings.default_appeal_code)
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

    def _require_codes(self, donation: Donation, body: dict[str, object], settings: AegisSettings) -> None:
        for fund in funds_of(body):
            self.codes.require("fund", fund, "project.code", settings)
        if filled(settings.channel):
            self.codes.require("channel", settings.channel, "setting aegis.channel", settings)
        if filled(settings.batch_category):
            self.codes.require("batch_category", settings.batch_category, "setting aegis.batch_category", settings)
        if donation.premium is not None:
            self.codes.require("product", donation.premium.product_code, "premium.productCode", settings)
            if filled(settings.warehouse_id):
                self.codes.require("warehouse", settings.warehouse_id, "setting aegis.warehouse_id", settings)
