"""RaiseDonors' donor activity as our note."""

from __future__ import annotations

from giftbridge.clients.whole_answers import NotWhole, positive_number, read_object
from giftbridge.domain.donations import Note
from giftbridge.domain.texts import without_controls


def read_note(raw: object) -> Note:
    """A DonorActivity of type Note. Raises NotWhole naming the member that is not what a note has."""
    members = read_object(raw)
    number, donor_id = positive_number(members.get("id")), positive_number(members.get("donorId"))
    if number is None or donor_id is None:
        raise NotWhole("an entry without its id or its donor's")
    subject, body = members.get("subject"), members.get("body")
    if not isinstance(subject, str) or not isinstance(body, str | None):
        raise NotWhole("an entry whose subject or body is no text")
    return Note(number, donor_id, without_controls(subject), without_controls(body or ""))
