"""A donor's edit on its way into Aegis: into the partner, or to the notification list (requirement B3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_mapping import GatheredPartner
from giftbridge.domain.aegis_merging import Merge, Record, merged_partner
from giftbridge.domain.agreed import Fields, changed_since, donor_fields, field_changes
from giftbridge.domain.donations import Donor
from giftbridge.domain.notices import EDIT_FORGOTTEN, EDIT_WITHOUT_PARTNER
from giftbridge.domain.restores import COMPARED, is_to_be_compared
from giftbridge.domain.settings import AegisSettings
from giftbridge.errors import Skipped
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.aegis_saves import SYSTEM, save_whole, told
from giftbridge.flows.holds import require_no_open_donation
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work


class AegisDonors:
    """Brings edits of donors to their partners. A partner is never created for an edit."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis, partners: AegisPartners) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.partners = partners

    def carry(self, work: Work) -> None:
        """What changed on the donor since both sides last agreed goes into the partner; the rest stays as it is."""
        edit = self._edit(work)
        record = self._partner_record(work, edit)
        if is_to_be_compared(work.facts):
            self._compare(work, edit, record)
        if record is None:
            self._tell(work, edit)
            return
        partner_id = work.facts["partner"]
        merged = save_whole(
            self.tools,
            work,
            f"partner#{partner_id}",
            record,
            lambda: self.aegis.partner_record(partner_id),
            edit.merged,
            self.aegis.save_partner,
            self.tools.agreed.sending(edit.entity, SYSTEM, edit.bases[0], edit.fields, work.now),
        )
        agreeing = work.agree(edit.entity, edit.fields)
        if not merged.changes:
            work.also.append(agreeing)
            raise Skipped("Aegis has these values already", cause="nothing-changed")
        work.delivered({}, "saved in Aegis", proven=True, writes=[agreeing], details=told(merged))

    def probe(self, work: Work) -> None:
        """Whether the save whose answer was lost landed: the partner says so."""
        edit = self._edit(work)
        record = self._partner_record(work, edit)
        if record is None or edit.merged(record).changes:
            work.surely_not_sent()
            return
        agreeing = work.agree(edit.entity, edit.fields)
        work.delivered({}, "found in Aegis after the answer was lost", proven=False, writes=[agreeing])

    def _edit(self, work: Work) -> _Edit:
        _, settings = self.tools.settings()
        donor = self.raisedonors.donor(int(work.delivery.entity_id))
        entity = f"donor#{donor.id}"
        bases, fields = self.tools.agreed.bases(entity, SYSTEM), donor_fields(donor)
        if not bases:
            work.also.append(work.agree(entity, fields))
            raise Skipped("seen for the first time", cause="nothing-changed")
        if not changed_since(bases, fields) and not is_to_be_compared(work.facts):
            raise Skipped("nothing that Aegis knows changed", cause="nothing-changed")
        return _Edit(entity, donor, settings.aegis, bases, fields)

    def _partner_record(self, work: Work, edit: _Edit) -> dict[str, Any] | None:
        """The donor's active partner, whole; None without one."""
        partner_id = self.partners.known(work, edit.donor, edit.settings)
        if partner_id is None:
            require_no_open_donation(self.tools, work)
            return None
        record = self.aegis.partner_record(partner_id)
        if record is None or record.get("IsActive") is False:
            return None
        work.facts["partner"] = partner_id
        return record

    def _compare(self, work: Work, edit: _Edit, record: Record | None) -> None:
        """What both agreed on last is lost with the tables: where they differ, a person is told. Raises Skipped.

        What changed since what is known of them goes to the partner as ever.
        """
        work.facts[COMPARED] = "yes"
        known = edit.merged(record) if record is not None and any(edit.bases) else None
        whole = replace(edit, bases=({},)).merged(record) if record is not None else None
        sent = {one.field for one in known.changes} if known is not None else set()
        left = tuple(one for one in whole.changes if one.field not in sent) if whole is not None else ()
        is_edit_without_partner = record is None and any(edit.bases) and bool(changed_since(edit.bases, edit.fields))
        if is_edit_without_partner or (not left and sent):
            return
        if not left:
            work.also.append(work.agree(edit.entity, edit.fields))
            raise Skipped("nothing differs since the tables were restored", cause="nothing-changed")
        work.notify(
            EDIT_FORGOTTEN,
            edit.entity,
            f"differs from partner {work.facts['partner']} in Aegis, and the tables were restored: "
            "which of them was edited is not known any more",
            left,
        )
        if sent:
            return
        work.also.append(work.agree(edit.entity, edit.fields))
        raise Skipped("which side was edited is not known any more: the notification list is told", cause="forgotten")

    def _tell(self, work: Work, edit: _Edit) -> None:
        """Without an active partner the notification list is told, and the edit is done with. Raises Skipped."""
        changes = field_changes(edit.bases[-1], edit.fields)
        work.notify(
            EDIT_WITHOUT_PARTNER, edit.entity, "was edited on RaiseDonors and has no active partner in Aegis", changes
        )
        work.also.append(work.agree(edit.entity, edit.fields))
        raise Skipped("no active partner in Aegis: the notification list is told", cause="no-partner")


@dataclass(frozen=True, slots=True)
class _Edit:
    """A donor as Aegis may have them, and as they are now."""

    entity: str
    donor: Donor
    settings: AegisSettings
    bases: tuple[Fields, ...]
    fields: Fields

    def merged(self, record: Record) -> Merge:
        """The partner with the edit."""
        return merged_partner(record, GatheredPartner(self.donor, self.settings, False), self.bases, self.fields)
