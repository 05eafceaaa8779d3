"""Reading contacts of the simulated Virtuous, and hanging references on them."""

from ops.simulators.virtuous_answers import Answers, path_id
from ops.simulators.virtuous_model import says_something
from ops.simulators.virtuous_query import CONTACT_KINDS, Query, contact_values
from ops.simulators.virtuous_records import API, Contact
from ops.simulators.virtuous_shapes import REFERENCE
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_wire import address_as_read, individual_as_read
from ops.simulators.wire import Answer, Call


class ContactOperations:
    """The contact operations of the contract."""

    def __init__(self, store: VirtuousStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    def one(self, call: Call) -> Answer:
        """A contact by its id; the loser of a merge too."""
        return self._shown(self._of_path(call))

    def find(self, call: Call) -> Answer:
        """A contact by reference or by e-mail; when both are given the reference decides."""
        source, reference_id, email = (call.query.get(name) for name in ("referenceSource", "referenceId", "email"))
        if says_something(source) and says_something(reference_id):
            return self._shown(self._referred(str(source), str(reference_id)))
        if not says_something(email):
            raise self._answers.refuse("email", "An e-mail address, or a source and an id, is needed.")
        return self._shown(self._store.by_email(str(email)))

    def by_reference(self, call: Call) -> Answer:
        """The contact that carries a reference."""
        return self._shown(self._referred(call.path["referenceSource"], call.path["referenceId"]))

    def query(self, call: Call) -> Answer:
        """One page of full contacts; merged ones are left out, archived ones unless they are asked for."""
        skip, take = self._answers.page_bounds(call)
        query = Query(call, self._answers, CONTACT_KINDS)
        living = (
            contact
            for contact in self._store.contacts.values()
            if contact.merged_into is None and (query.includes_archived or not contact.is_archived)
        )
        found = query.found(living, contact_values(self._store))
        found.sort(key=lambda contact: contact.contact_id, reverse=query.is_descending)
        if query.sorts_by("Last Modified Date"):
            found.sort(key=lambda contact: contact.modified, reverse=query.is_descending)
        elif query.sorts_by("Create Date"):
            found.sort(key=lambda contact: contact.created, reverse=query.is_descending)
        shown = [self._store.contact_json(contact) for contact in found[skip : skip + take]]
        return self._answers.page(shown, len(found))

    def individuals(self, call: Call) -> Answer:
        """The people of a contact."""
        contact = self._of_path(call)
        if contact is None:
            return self._answers.missing()
        return self._answers.of([individual_as_read(contact, one) for one in contact.individuals])

    def addresses(self, call: Call) -> Answer:
        """All addresses of a contact."""
        contact = self._of_path(call)
        if contact is None:
            return self._answers.missing()
        return self._answers.of([address_as_read(address) for address in contact.addresses])

    def add_reference(self, call: Call) -> Answer:
        """Hang a reference on a contact at once; a pair that belongs to another contact is a conflict."""
        model = self._answers.read(call)
        body = model.read(REFERENCE, ("contactId", "referenceSource", "referenceId"))
        self._answers.keep(model.errors)
        source, reference_id = body["referenceSource"], body["referenceId"]
        contact = self._store.contacts.get(body["contactId"])
        if contact is None:
            return self._answers.missing()
        if contact.merged_into is not None:
            raise self._answers.refuse("model.contactId", f"The contact was merged into {contact.merged_into}.")
        holder = self._store.by_reference(source, reference_id)
        if holder is not None and holder is not contact:
            return self._answers.target(409, "CONFLICT", "The reference belongs to another contact.")
        with self._store.changing(contact.contact_id, API):
            self._store.refer(contact, source, reference_id)
        return self._answers.held() if self._store.writes % 2 else self._answers.of({"id": contact.contact_id})

    def _of_path(self, call: Call) -> Contact | None:
        return self._store.contacts.get(path_id(call, "contactId") or 0)

    def _referred(self, source: str, reference_id: str) -> Contact | None:
        """After a merge the survivor, or the retired contact that says where it went."""
        survivor = self._store.by_reference(source, reference_id)
        if survivor is None:
            return None
        for contact in self._store.contacts.values():
            is_retired = contact.merged_into is not None and any(
                (one.source, one.id) == (source, reference_id) for one in contact.references
            )
            if is_retired and self._answers.turns(self._store.settings.merged_reference_answers, "retired"):
                return contact
        return survivor

    def _shown(self, contact: Contact | None) -> Answer:
        return self._answers.missing() if contact is None else self._answers.of(self._store.contact_json(contact))
