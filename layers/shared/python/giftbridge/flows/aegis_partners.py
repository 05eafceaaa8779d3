"""The donor's partner in Aegis: known, imported, matched, or created (requirements A2 to A4)."""

from __future__ import annotations

from giftbridge.clients.aegis import Aegis
from giftbridge.domain.aegis_bodies import partner_body
from giftbridge.domain.aegis_mapping import GatheredPartner
from giftbridge.domain.aegis_values import filled
from giftbridge.domain.agreed import Fields, donor_fields, donor_of_fields
from giftbridge.domain.deliveries import Kind, Step
from giftbridge.domain.donations import Donor
from giftbridge.domain.matching import Match, Rule, Search, choose, is_plausible, matches, rules_for, searches_for
from giftbridge.domain.notices import PARTNER_CREATED_AMONG_SEVERAL, REFUND_TO_NEW_PARTNER
from giftbridge.domain.partners import Partner
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.settings import AegisSettings
from giftbridge.errors import Ambiguous, Rejected
from giftbridge.flows.aegis_codes import AegisCodes
from giftbridge.flows.holds import key_or_free
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.restores import newest_restore

SYSTEM = "aegis"
# What a person decided about the partner of a delivery's donor, for its next turn.
DECIDED, CREATE = "decided:partner", "create"
# Among the values of an attempt to make a partner: those that matched before, so that none of them is what it made.
KNOWN_BEFORE = "known_before"


class AegisPartners:
    """Finds or makes the partner of a donor, one delivery at a time."""

    def __init__(self, tools: Tools, aegis: Aegis, codes: AegisCodes) -> None:
        self.tools = tools
        self.aegis = aegis
        self.codes = codes

    def known(self, work: Work, donor: Donor, settings: AegisSettings, *, search: bool = False) -> str | None:
        """The partner the donor has, by key or, where `search` says so, by matching; None rather than a new one.

        Raises Held, Ambiguous, and what the calls raise.
        """
        known = key_or_free(self.tools, work, f"donor#{donor.id}", SYSTEM)
        if known.key is not None:
            return known.key
        if donor.crm_key is not None and self._honours_imported(work, donor, settings):
            return self._found(work, donor, donor.crm_key, "imported key", known.ended)
        if not search:
            return None
        match = self._chosen(work, donor, settings, self._matches(donor, settings), known.ended)
        return self._found_by(work, donor, match, settings, known.ended) if match is not None else None

    def settle(self, work: Work, donor: Donor, settings: AegisSettings) -> str:
        """The partner id to send with. A new key is written with the next step.

        Raises Held, Ambiguous, Rejected when the donor can't become a partner, and what the calls raise.
        """
        entity = f"donor#{donor.id}"
        known = key_or_free(self.tools, work, entity, SYSTEM)
        if known.key is not None:
            if work.facts.get("partner", known.key) != known.key:
                # How an earlier turn found another partner tells nothing of this one.
                work.facts.pop("matched_by", None)
            return known.key
        if donor.crm_key is not None and self._honours_imported(work, donor, settings):
            return self._found(work, donor, donor.crm_key, "imported key", known.ended)
        return self._match_or_create(work, donor, settings, known.ended)

    def rehearse(self, donor: Donor, settings: AegisSettings) -> None:
        """Raises Rejected when the donor gets a new partner, and Aegis would refuse it. Nothing is written."""
        row = self.tools.keys.get(f"donor#{donor.id}", SYSTEM)
        if donor.crm_key is not None or (row is not None and row.key is not None):
            return
        try:
            match = choose(self._matches(donor, settings), settings.on_several_matches)
        except Ambiguous:
            # Whoever decides that may choose a partner there is.
            return
        if match is None:
            partner_body(GatheredPartner(donor, settings, self.codes.knows_donor_id(settings.donor_id_field)))

    def settle_anew(self, work: Work, donor: Donor, refused_id: str, settings: AegisSettings, refused: Rejected) -> str:
        """Aegis refused our partner id: match anew when the partner is gone or inactive, else raise the refusal."""
        row = self.tools.keys.get(f"donor#{donor.id}", SYSTEM)
        if row is not None and row.key not in {None, refused_id}:
            # The donor has another partner since: what names the old one follows there.
            return str(row.key)
        self._lose(work, donor, refused_id, refused)
        if donor.crm_key not in {None, refused_id} and self._honours_imported(work, donor, settings):
            # Others know where the donor's partner went.
            return self._found(work, donor, str(donor.crm_key), "imported key", "")
        return self._match_or_create(work, donor, settings, "")

    def _lose(self, work: Work, donor: Donor, refused_id: str, refused: Rejected) -> None:
        """Turn a key that names no active partner into this delivery's hold. Raises the refusal when it names one."""
        partner = self.aegis.partner(refused_id)
        if partner is not None and partner.is_active:
            raise refused
        entity = f"donor#{donor.id}"
        row = self.tools.keys.get(entity, SYSTEM)
        if row is not None and row.key == refused_id:
            lost = self.tools.keys.lose(entity, SYSTEM, refused_id, work.delivery.id, work.now)
            work.also.append(lost)
            why = f"partner {refused_id} is {'inactive' if partner else 'gone'}: matching anew"
            work.note("partner lost", why)
            work.begin(Step.PARTNER, {"entity": entity})

    def found_after_lost_answer(
        self, work: Work, donor: Donor, settings: AegisSettings, known_before: frozenset[str]
    ) -> bool:
        """Whether the partner that a lost request was to create is there; its key goes with the next step.

        It is looked for as it was sent: the donor may have another name by now. Partners that matched before the
        request was sent are not it.
        """
        _, *sent = self.tools.agreed.bases(f"donor#{donor.id}", SYSTEM) or ({},)
        as_sent = donor_of_fields(donor, sent[0]) if sent else donor
        by_id_first = self._matches(as_sent, settings, (("donor_id",),))
        found = [match for match in by_id_first if match.partner.id not in known_before]
        is_marked = bool(found) and found[0].rule == ("donor_id",)
        if known_before or is_marked or not self.codes.knows_donor_id(settings.donor_id_field):
            # It may be any of these, whatever is set for several: that they match is no sign that it is not there.
            match = choose(found, "review")
        else:
            match = self._chosen(work, donor, settings, found, "")
        if match is None:
            return False
        rule = f"found after a lost answer, by {' + '.join(match.rule)}"
        self._notify(work, donor, settings, match.partner.id, list(known_before))
        # Where a version before did not say what it sent, the whole donor goes there next.
        self._made(work, donor, match.partner.id, rule, sent[0] if sent else {})
        return True

    def is_active(self, partner_id: str) -> bool:
        """Whether what a partner's history does not show is surely not there: staff may have merged any other."""
        partner = self.aegis.partner(partner_id)
        return partner is not None and partner.is_active

    def successors(self, donor: Donor, settings: AegisSettings, lost_id: str) -> list[str]:
        """The active partners into which a donor's partner may have been merged: Aegis itself does not say."""
        row = self.tools.keys.get(f"donor#{donor.id}", SYSTEM)
        named = [row.key if row is not None else None, donor.crm_key]
        active = [name for name in named if name not in {None, lost_id} and self.is_active(str(name))]
        matching = [match.partner.id for match in self._matches(donor, settings)]
        return [name for name in dict.fromkeys([*map(str, active), *matching]) if name != lost_id]

    def _honours_imported(self, work: Work, donor: Donor, settings: AegisSettings) -> bool:
        if donor.crm_key in self.tools.keys.refused(f"donor#{donor.id}", SYSTEM):
            return False
        partner = self.aegis.partner(str(donor.crm_key))
        if partner is None:
            why = "does not exist"
        elif not partner.is_active:
            why = "is inactive"
        elif not is_plausible(donor, partner, settings.donor_id_field):
            why = "bears another name"
        else:
            return True
        work.note("imported key dropped", f"partner {donor.crm_key} {why}: matching anew")
        return False

    def _match_or_create(self, work: Work, donor: Donor, settings: AegisSettings, ended: str) -> str:
        found = self._matches(donor, settings)
        match = self._chosen(work, donor, settings, found, ended)
        if match is not None:
            return self._found_by(work, donor, match, settings, ended)
        made_before = self._made_before_restore(donor, settings)
        if made_before is not None:
            # What it was made from is forgotten.
            return self._made(work, donor, made_before.partner.id, "donor_id, found by e-mail", {}, ended)
        return self._create(work, donor, settings, ended, [match.partner.id for match in found])

    def _made_before_restore(self, donor: Donor, settings: AegisSettings) -> Match | None:
        """The partner of a key that a restore of the tables has forgotten, though the donor has another name by now.

        One more search by e-mail, for who bears the donor's id. Raises Ambiguous for several.
        """
        if newest_restore(self.tools.state) is None or not donor.emails:
            return None
        found = self.aegis.search(Search((("email", donor.emails[0].strip()),)))
        refused = self.tools.keys.refused(f"donor#{donor.id}", SYSTEM) if found else frozenset()
        free = [partner for partner in found if partner.id not in refused]
        return choose(matches(donor, free, (("donor_id",),), settings.donor_id_field), "review")

    def _found_by(self, work: Work, donor: Donor, match: Match, settings: AegisSettings, ended: str) -> str:
        rule = " + ".join(match.rule)
        if match.of_several > 1:
            rule += f" ({settings.on_several_matches} of {match.of_several})"
        return self._found(work, donor, match.partner.id, rule, ended)

    def _matches(self, donor: Donor, settings: AegisSettings, first: tuple[Rule, ...] = ()) -> list[Match]:
        rules = (*first, *rules_for(donor, settings.match_rules))
        seen: dict[str, Partner] = {}
        for search in searches_for(donor, rules):
            seen.update({partner.id: partner for partner in self.aegis.search(search)})
        refused = self.tools.keys.refused(f"donor#{donor.id}", SYSTEM) if seen else frozenset()
        found = [partner for partner in seen.values() if partner.id not in refused]
        return matches(donor, found, rules, settings.donor_id_field)

    def _chosen(
        self, work: Work, donor: Donor, settings: AegisSettings, found: list[Match], ended: str
    ) -> Match | None:
        if work.facts.get(DECIDED) == CREATE:
            return None
        try:
            match = choose(found, settings.on_several_matches)
        except Ambiguous:
            # The donor's other gifts wait for the same choice.
            work.hold_key(f"donor#{donor.id}", ended)
            raise
        if match is None and len(found) > 1:
            work.note("several partners match", f"{len(found)} partners match; a new one is created as set")
        return match

    def _create(self, work: Work, donor: Donor, settings: AegisSettings, ended: str, known_before: list[str]) -> str:
        if filled(settings.origin_source):
            code = str(settings.origin_source)
            self.codes.require("origin_source", code, "setting aegis.origin_source", settings)
        knows_donor_id = self.codes.knows_donor_id(settings.donor_id_field)
        if not knows_donor_id and self.codes.is_first_time(f"no-custom-field/{settings.donor_id_field}"):
            work.note(
                "no donor id in Aegis", f"Aegis has no custom data field {settings.donor_id_field!r} that takes it"
            )
        body = partner_body(GatheredPartner(donor, settings, knows_donor_id))
        entity = f"donor#{donor.id}"
        if not any(write.label == entity for write in work.also):
            work.hold_key(entity, ended)
        fields = donor_fields(donor)
        agreed, *_ = self.tools.agreed.bases(entity, SYSTEM) or (fields,)
        work.also.append(self.tools.agreed.sending(entity, SYSTEM, agreed, fields, work.now))
        work.begin(Step.PARTNER, {"entity": entity, KNOWN_BEFORE: " ".join(known_before)})
        partner_id = self.aegis.create_partner(body)
        self._notify(work, donor, settings, partner_id, known_before)
        return self._made(work, donor, partner_id, "created", fields)

    def _notify(
        self, work: Work, donor: Donor, settings: AegisSettings, partner_id: str, known_before: list[str]
    ) -> None:
        """What a person should know of a new partner, told with the fact that it was made."""
        about = f"donor#{donor.id}"
        if len(known_before) > 1 and settings.on_several_matches == "create_and_notify":
            text = f"{len(known_before)} partners match; the new partner {partner_id} was created, as set"
            work.notify(PARTNER_CREATED_AMONG_SEVERAL, about, text)
        if work.delivery.kind is Kind.DONATION_REFUNDED:
            donation = work.delivery.entity_id
            text = f"the refund of donation {donation} goes to the new partner {partner_id}: its original is elsewhere"
            work.notify(REFUND_TO_NEW_PARTNER, about, text)

    def _found(self, work: Work, donor: Donor, partner_id: str, rule: str, ended: str) -> str:
        """Store the key with the next step."""
        work.settle_key(f"donor#{donor.id}", partner_id, rule, ended)
        work.facts.update(partner=partner_id, matched_by=rule)
        if donor.crm_key != partner_id:
            work.mirrors.append(Mirror(Mirrored.DONOR, str(donor.id), partner_id))
        return partner_id

    def _made(self, work: Work, donor: Donor, partner_id: str, rule: str, sent: Fields, ended: str = "") -> str:
        """Store the key of a partner that we made, and what it was made from: later edits are told from that."""
        work.also.append(work.agree(f"donor#{donor.id}", sent))
        return self._found(work, donor, partner_id, rule, ended)
