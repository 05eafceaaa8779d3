"""RaiseDonors' donor activity as our note."""

from __future__ import annotations

from giftbridge.clients.raisedonors_wire import read_model
from giftbridge.clients.wire_models import Text, WireModel
from giftbridge.domain.donations import Note


class _Note(WireModel):
    id: int
    donor_id: int
    subject: Text = None
    body: Text = None


def read_note(raw: object) -> Note:
    """A DonorActivity of type Note. Raises Rejected naming the field that cannot be read."""
    note = read_model(_Note, raw, "donorActivity")
    return Note(note.id, note.donor_id, note.subject or "", note.body or "")
