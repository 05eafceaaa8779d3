"""What only a person can decide: which of several records it is (requirements A4, G5), with all that tells them apart.

Everything is read anew from the systems when a case is opened: what is shown is what is decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from giftbridge.domain.deliveries import Attempt, Delivery, Kind, State
from giftbridge.domain.donations import Address, Donor
from giftbridge.domain.matching import agreeing_fields
from giftbridge.domain.partners import HistoryRow, Partner, Pledge
from giftbridge.domain.probing import UNREADABLE
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import parse_moment
from giftbridge.errors import RecordMissing
from ops.operating import reaching
from ops.operating.identifiers import deliveries_named
from ops.operating.listing import in_bucket
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack

PICK, CREATE, SEND, IGNORE = "pick", "create", "send", "ignore"
PARTNERS, TRANSACTIONS, PLEDGES, OTHERS = "partners", "transactions", "pledges", "others"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for a cause of failure. `about` says what the candidates are, `choices` what may be decided."""

    words: str
    about: str
    choices: tuple[str, ...]


QUESTIONS: Mapping[str, Question] = {
    "several-matches": Question("Which partner is this donor?", PARTNERS, (PICK, CREATE, IGNORE)),
    "several-transactions": Question(
        "The answer was lost: which transaction is this gift?", TRANSACTIONS, (PICK, SEND, IGNORE)
    ),
    "twin-unsettled": Question(
        "The answer was lost: is this transaction this gift, or another one's?", TRANSACTIONS, (PICK, SEND, IGNORE)
    ),
    "several-pledges": Question(
        "The answer was lost: which pledge is this schedule's?", PLEDGES, (PICK, CREATE, IGNORE)
    ),
    "refund-may-be-there": Question("Is this refund there already?", TRANSACTIONS, (PICK, SEND, IGNORE)),
    "partner-merged": Question(
        "The answer was lost, and its partner is inactive or gone: was it recorded?", OTHERS, (SEND, IGNORE)
    ),
    "several-reversals": Question("Which one is this gift's reversal in Virtuous?", OTHERS, (PICK, IGNORE)),
    "several-projects": Question("Which project in Virtuous is this one?", OTHERS, (PICK, IGNORE)),
    "note-outcome-unknown": Question("Is the note in Aegis? Nothing there can list notes.", OTHERS, (SEND, IGNORE)),
}
_CONSEQUENCES = {
    (PARTNERS, PICK): "All of this donor's gifts go to this partner from now on; `giftbridge undo` takes it back.",
    (PARTNERS, CREATE): "A new partner is made in Aegis, and all of this donor's gifts go there.",
    (TRANSACTIONS, PICK): "Counts as delivered under this invoice number; nothing is sent.",
    (TRANSACTIONS, SEND): "None of them is it: it is sent, on your word. If one of them was it, it is there twice.",
    (PLEDGES, PICK): "The schedule's gifts are applied to this pledge from now on.",
    (PLEDGES, CREATE): "None of them is it: a new pledge is made.",
    (OTHERS, PICK): "This record counts as ours from now on; nothing is made.",
    (OTHERS, SEND): "It is not there: it is sent once more, on your word.",
}
_MONEY = frozenset({Kind.DONATION_CREATED, Kind.DONATION_REFUNDED})
_IGNORED = "Nothing is sent; a refund of it is not sent either. `giftbridge retry` would take it up all the same."


@dataclass(frozen=True, slots=True)
class Side:
    """A record as a person compares it: named values, and the names of those that agree with the subject's."""

    id: str
    title: str
    fields: Mapping[str, str]
    agrees: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that may be decided, and what comes of it."""

    name: str
    candidate: str | None
    words: str
    consequence: str


@dataclass(frozen=True, slots=True)
class Case:
    """A delivery that waits for a decision, with both sides as they are now. `about` says what the candidates are."""

    delivery: Delivery
    about: str
    question: str
    subject: Side
    candidates: tuple[Side, ...]
    choices: tuple[Choice, ...]


def waiting(stack: Stack) -> list[Delivery]:
    """The deliveries that wait for a decision, the longest waiting first."""
    failed = in_bucket(stack, "failed")
    found = [delivery for delivery in failed if _question_of(delivery) is not None]
    return sorted(found, key=lambda delivery: delivery.updated_at)


def case_of(stack: Stack, name: str) -> Case:
    """The case of the delivery that an argument names. Raises WrongUsage where nothing is to be decided."""
    found = deliveries_named(stack, name)
    delivery = next((one for one in found if _question_of(one) is not None), found[0])
    question = _question_of(delivery)
    if question is None:
        raise WrongUsage(
            f"{delivery.id} ({delivery.state}) waits for no decision.", ["`giftbridge review` lists those that do."]
        )
    subject, candidates = _Looking(stack, delivery).at(question.about)
    return Case(
        delivery,
        question.about,
        question.words,
        subject,
        candidates,
        tuple(_choices(question, delivery.kind, candidates)),
    )


def _question_of(delivery: Delivery) -> Question | None:
    if delivery.state is not State.FAILED or delivery.trouble is None:
        return None
    return QUESTIONS.get(delivery.trouble.cause)


def _choices(question: Question, kind: Kind, candidates: tuple[Side, ...]) -> list[Choice]:
    words = {CREATE: "create a new one", SEND: "send it: it is not there", IGNORE: "leave it"}
    choices: list[Choice] = []
    for name in question.choices:
        if (question.about, name) == (PARTNERS, CREATE) and kind not in _MONEY:
            # Only a gift makes a partner.
            continue
        consequence = _CONSEQUENCES.get((question.about, name), _IGNORED)
        if name == PICK:
            named = [side.id for side in candidates if side.id != UNREADABLE]
            choices += [Choice(PICK, candidate, f"it is {candidate}", consequence) for candidate in named]
        else:
            choices.append(Choice(name, None, words[name], consequence))
    return choices


class _Looking:
    """Reads both sides of one delivery's case."""

    def __init__(self, stack: Stack, delivery: Delivery) -> None:
        self.stack = stack
        self.delivery = delivery
        self.ids = delivery.trouble.candidates if delivery.trouble is not None else ()
        self.settings: Settings = stack.versions.current().settings

    def at(self, about: str) -> tuple[Side, tuple[Side, ...]]:
        """The subject and its candidates."""
        is_of_aegis = self.delivery.destination == "aegis"
        if about == PARTNERS and is_of_aegis:
            return self._partners()
        if about == TRANSACTIONS and is_of_aegis:
            return self._transactions()
        if about == PLEDGES and is_of_aegis and self.delivery.attempt is not None:
            return self._pledges(self.delivery.attempt)
        return self._subject({}), tuple(Side(name, name, {}) for name in self.ids)

    def _subject(self, fields: Mapping[str, str]) -> Side:
        return Side(self.delivery.id, self.delivery.id, fields)

    def _partners(self) -> tuple[Side, tuple[Side, ...]]:
        donor = self._donor()
        aegis = reaching.aegis(self.stack)
        sides = []
        for partner_id in self.ids:
            partner = aegis.partner(partner_id)
            if partner is None:
                sides.append(Side(partner_id, f"partner {partner_id}, gone", {}))
                continue
            agrees = agreeing_fields(donor, partner, self.settings.aegis.donor_id_field)
            title = f"partner {partner_id}" + ("" if partner.is_active else ", inactive")
            sides.append(Side(partner_id, title, self._partner_fields(partner), agrees))
        return Side(str(donor.id), f"donor {donor.id}", _donor_fields(donor)), tuple(sides)

    def _donor(self) -> Donor:
        """The donor whom the record names now: it may have been given to another one since it was first seen."""
        raisedonors, delivery = reaching.raisedonors(self.stack), self.delivery
        donor_id = delivery.donor_id
        if delivery.kind in _MONEY:
            donor_id = raisedonors.donation(delivery.entity_id).donor_id
        if delivery.kind in {Kind.SCHEDULE_CHANGED, Kind.SCHEDULE_ENDED}:
            donor_id = raisedonors.schedule(int(delivery.entity_id)).donor_id
        if donor_id is None:
            raise WrongUsage(f"{delivery.id} names no donor.")
        return raisedonors.donor(donor_id)

    def _partner_fields(self, partner: Partner) -> dict[str, str]:
        address = Address(partner.street, partner.street2, partner.city, None, partner.postal_code)
        fields = {
            "donor_id": partner.custom_value(self.settings.aegis.donor_id_field),
            "first_name": partner.first_name,
            "last_name": partner.last_name,
            "company": partner.company,
            "email": ", ".join(partner.emails),
            "phone": ", ".join(partner.phones),
            "address": _one_line(address),
            "member_since": partner.member_date,
        }
        return {name: value or "" for name, value in fields.items()}

    def _transactions(self) -> tuple[Side, tuple[Side, ...]]:
        sent = self._sent()
        subject = self._subject({name: sent.get(name, "") for name in ("amount", "date", "appeal", "recorded_by")})
        rows = {str(row.invoice_number): row for row in self._history(sent)}
        return subject, tuple(_transaction_side(name, rows.get(name), sent) for name in self.ids)

    def _sent(self) -> dict[str, str]:
        """What the lost request said; of a refund that others may have sent, what it would say."""
        if self.delivery.attempt is not None:
            return dict(self.delivery.attempt.values)
        if self.delivery.kind is not Kind.DONATION_REFUNDED:
            return {}
        donation = reaching.raisedonors(self.stack).donation(self.delivery.entity_id)
        key = self.stack.tools.keys.get(f"donor#{donation.donor_id}", "aegis")
        partner = self.delivery.result.get("partner") or (key.key if key is not None else None) or ""
        return {"amount": f"-{donation.amount:.2f}", "partner": partner, "date": donation.created_at.isoformat()}

    def _history(self, sent: Mapping[str, str]) -> list[HistoryRow]:
        if not sent.get("partner") or not sent.get("date"):
            return []
        first = parse_moment(sent["date"]).date() - timedelta(days=1)
        last = max(self.stack.tools.now().date(), first) + timedelta(days=1)
        try:
            return reaching.aegis(self.stack).history(sent["partner"], first, last)
        except RecordMissing:
            return []

    def _pledges(self, attempt: Attempt) -> tuple[Side, tuple[Side, ...]]:
        names = ("amount", "frequency", "start", "pledged")
        subject = self._subject({name: attempt.values.get(name, "") for name in names})
        found = {pledge.id: pledge for pledge in reaching.aegis(self.stack).pledges(attempt.values["partner"])}
        return subject, tuple(_pledge_side(name, found.get(name), subject.fields) for name in self.ids)


def _donor_fields(donor: Donor) -> dict[str, str]:
    fields = {
        "donor_id": str(donor.id),
        "first_name": donor.first_name,
        "last_name": donor.last_name,
        "company": donor.organization_name,
        "email": ", ".join(donor.emails),
        "phone": ", ".join(donor.phones),
        "address": _one_line(donor.address),
    }
    return {name: value or "" for name, value in fields.items()}


def _one_line(address: Address) -> str:
    parts = (address.street, address.street2, address.city, address.state, address.postal_code, address.country)
    return ", ".join(part.strip() for part in parts if part and part.strip())


def _transaction_side(invoice: str, row: HistoryRow | None, sent: Mapping[str, str]) -> Side:
    if row is None:
        return Side(invoice, f"invoice {invoice}, not in the partner's history", {})
    fields = {
        "amount": f"{row.amount:.2f}",
        "date": row.transaction_date,
        "appeal": row.appeal_code or "",
        "recorded_by": row.recorded_by or "",
        "recorded": row.date_recorded or "",
    }
    return Side(invoice, f"invoice {invoice}", fields, _equal(fields, sent))


def _pledge_side(pledge_id: str, pledge: Pledge | None, sent: Mapping[str, str]) -> Side:
    if pledge is None:
        return Side(pledge_id, f"pledge {pledge_id}, gone", {})
    fields = {
        "amount": f"{pledge.amount:.2f}",
        "frequency": pledge.frequency or "",
        "start": pledge.start_date or "",
        "pledged": pledge.date_pledged or "",
        "active": "yes" if pledge.is_active else "no",
    }
    return Side(pledge_id, f"pledge {pledge_id}", fields, _equal(fields, sent))


def _equal(fields: Mapping[str, str], sent: Mapping[str, str]) -> frozenset[str]:
    """The fields that say the same: a moment agrees by its day, since Aegis may give no more."""
    days = {"date", "start", "pledged"}
    return frozenset(
        name
        for name, value in fields.items()
        if value and (value[:10] == sent.get(name, "")[:10] if name in days else value == sent.get(name))
    )
