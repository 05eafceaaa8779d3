"""Whether each note on a donor with a partner is in Aegis once; asked for only where notes are to be sent."""

from collections import Counter

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of
from ops.simulators.tally_partners import first_seen
from ops.simulators.tally_result import Finding, Tally
from ops.simulators.tally_values import said

OWN_NAME = "GiftBridge"


def compare_notes(raisedonors: RaiseDonorsStore, aegis: AegisStore, result: Tally) -> None:
    """Find notes of people that are missing or doubled in Aegis, by the donor's partner, subject and text."""
    seen = first_seen(aegis)
    recorded = Counter((said(note["PartnerID"]), said(note["Subject"]), said(note["Note"])) for note in aegis.notes)
    for entry in raisedonors.activities.all_entries():
        note = entry.latest.members
        if note["type"] != "Note" or note.get("source") == OWN_NAME:
            continue
        partner_id, since = seen.get(str(note["donorId"]), ("", None))
        found = recorded[partner_id, said(note["subject"]), said(note.get("body"))]
        # A note from before the first gift finds no partner, and is not to be sent later.
        wanted = since is not None and ticks_of(since) < entry.created and bool(aegis.partners[partner_id]["IsActive"])
        result.counts["notes"] += wanted
        subject = f"note {entry.record_id}"
        if found > 1:
            result.doubled_notes.append(Finding(None, (), f"recorded {found} times", subject))
        elif wanted and not found:
            result.missing_notes.append(Finding(None, (), f"on donor {note['donorId']} is not in Aegis", subject))
