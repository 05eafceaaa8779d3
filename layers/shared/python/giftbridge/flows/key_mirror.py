"""Keys made at a destination, stored on RaiseDonors too, for people who look there. Never blocks a delivery."""

from __future__ import annotations

import logging
from datetime import timedelta

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import BudgetSpent, Forbidden, GiftBridgeError, LostRace, Misconfigured, RefusedHere, Rejected
from giftbridge.flows.health import Health
from giftbridge.flows.tools import Tools
from giftbridge.flows.whose_trouble import whose
from giftbridge.flows.work import Work

log = logging.getLogger("giftbridge")
_NOT_OFFERED = "donation-keys-not-offered"
_ASK_AGAIN_AFTER = timedelta(days=1)
_PAUSE = timedelta(minutes=5)


class KeyMirror:
    """Stores partner, pledge and invoice ids on donor, schedule and gift. Each store can be repeated."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.health = Health(tools)
        self._takes: bool | None = None

    def store(self, work: Work) -> None:
        """Store what the row still lists; what RaiseDonors could not take now stays listed for the sweep."""
        remaining: list[Mirror] = []
        for mirror in work.mirrors:
            if mirror.what is Mirrored.DONATION and not self._takes_donation_keys():
                continue
            entity = f"{mirror.what}#{mirror.entity_id}"
            try:
                self._store_one(work, mirror)
            except Rejected as refused:
                work.note("key not stored on RaiseDonors", refused.explain(), {"entity": entity})
            except GiftBridgeError as raised:
                error = whose(raised, self.raisedonors.ping, "raisedonors") if isinstance(raised, Forbidden) else raised
                if isinstance(error, RefusedHere):
                    work.note("key not stored on RaiseDonors", error.explain(), {"entity": entity})
                    continue
                if isinstance(error, Misconfigured | BudgetSpent):
                    # Any other trouble of RaiseDonors is noted by the pickup, which reads there every minute.
                    self.health.note_trouble(error, "raisedonors", work.delivery.donor_entity)
                remaining.append(mirror)
        due = work.now + _PAUSE if remaining else work.delivery.due
        try:
            work.save_mirrors(tuple(remaining), due)
        except LostRace:
            log.info("keys were mirrored by another process too", extra={"delivery": work.delivery.id})

    def _store_one(self, work: Work, mirror: Mirror) -> None:
        key = mirror.key
        if mirror.what is Mirrored.DONATION:
            if not self.raisedonors.store_donation_key(mirror.entity_id, key):
                self._remember_not_offered()
        elif mirror.what is Mirrored.DONOR:
            if key in self.tools.keys.refused(f"donor#{mirror.entity_id}", "aegis"):
                # A person undid this match before its key was stored.
                return
            self.raisedonors.store_donor_key(int(mirror.entity_id), key)
        elif mirror.what is Mirrored.SCHEDULE:
            self._store_on_schedule(work, int(mirror.entity_id), key)
        elif mirror.what is Mirrored.VIRTUOUS:
            self.raisedonors.patch_donor(int(mirror.entity_id), {"crmKeys": {"Virtuous": key}})
        else:
            self._tell_activity(work, mirror)

    def _tell_activity(self, work: Work, mirror: Mirror) -> None:
        """The donor's activity on RaiseDonors says what came from Virtuous, once (requirement E7)."""
        name, donor_id = str(mirror), int(mirror.entity_id)
        text = work.facts.get(name)
        subject = f"Updated from Virtuous CRM+, contact {mirror.key}"
        since = work.delivery.created_at - timedelta(days=1)
        if text is not None and subject not in self.raisedonors.activity_subjects(donor_id, since):
            self.raisedonors.add_activity(donor_id, subject, text)
        work.facts.pop(name, None)

    def _store_on_schedule(self, work: Work, schedule_id: int, pledge_id: str) -> None:
        changed = self.raisedonors.store_schedule_key(schedule_id, pledge_id)
        if changed:
            log.error(
                "a schedule changed while its key was stored", extra={"schedule": schedule_id, "members": changed}
            )
            why = f"besides the key, {', '.join(changed)} changed: check the schedule on RaiseDonors"
            work.note("schedule changed while its key was stored", why, {"schedule": str(schedule_id)})

    def _takes_donation_keys(self) -> bool:
        """Whether this account offers to store the invoice number, as any process found out within a day."""
        if self._takes is None:
            row = self.tools.state.get(_NOT_OFFERED)
            self._takes = row is None or parse_moment(row["at"]) < self.tools.now() - _ASK_AGAIN_AFTER
        return self._takes

    def _remember_not_offered(self) -> None:
        log.warning("this RaiseDonors account does not store invoice numbers on gifts; they stay in crm-keys")
        self._takes = False
        try:
            now = format_moment(self.tools.now())
            self.tools.state.put(_NOT_OFFERED, {"at": now}, self.tools.state.get(_NOT_OFFERED))
        except LostRace:
            return
