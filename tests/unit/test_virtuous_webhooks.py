"""Virtuous' webhook as it arrives: whose it is, which contacts it names, and what of it cannot be read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftbridge.clients.virtuous_webhooks import Signing, Told, is_genuine, read_delivery, speakable
from giftbridge.errors import Rejected
from ops.simulators.virtuous_sender import signature

SECRET, BEFORE = "the secret of the subscription", "the secret before"
HEADER = "X-Virtuous-Signature"
BODY = b'{"event": "ContactUpdate", "models": [{"contact": {"id": 4107}}]}'
HEX = Signing(HEADER, "hex")


def read(event: Any, *models: Any, **more: Any) -> Told:
    return read_delivery(json.dumps({"event": event, "models": list(models), **more}).encode())


def contact(contact_id: Any = 4107, **more: Any) -> dict[str, Any]:
    return {"contact": {"id": contact_id, "name": "Imani Vance", **more}}


def refusal(body: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        read_delivery(body if isinstance(body, bytes) else json.dumps(body).encode())
    return refused.value


# --- whose it is ----------------------------------------------------------------------------------------------


def test_a_body_signed_with_a_live_secret_is_genuine_in_either_encoding() -> None:
    for secret in (SECRET, BEFORE):
        assert is_genuine(BODY, {HEADER: signature(secret, BODY)}, (SECRET, BEFORE), Signing())
        assert is_genuine(BODY, {HEADER: signature(secret, BODY, "hex")}, (SECRET, BEFORE), HEX)


def test_the_name_of_the_header_is_a_setting_and_is_compared_without_case() -> None:
    signed = signature(SECRET, BODY)

    assert is_genuine(BODY, {"x-virtuous-signature": signed}, (SECRET,), Signing())
    assert is_genuine(BODY, {"x-our-own": signed}, (SECRET,), Signing("X-Our-Own"))
    assert not is_genuine(BODY, {HEADER: signed}, (SECRET,), Signing("X-Our-Own"))


def test_a_forged_body_is_not_genuine() -> None:
    forged = BODY.replace(b"4107", b"4108")

    assert not is_genuine(forged, {HEADER: signature(SECRET, BODY)}, (SECRET,), Signing())
    assert not is_genuine(BODY, {HEADER: signature("another", BODY)}, (SECRET,), Signing())
    assert not is_genuine(BODY + b" ", {HEADER: signature(SECRET, BODY)}, (SECRET,), Signing())


def test_an_unsigned_body_is_not_genuine() -> None:
    assert not is_genuine(BODY, {}, (SECRET,), Signing())
    assert not is_genuine(BODY, {HEADER: ""}, (SECRET,), Signing())


def test_nothing_is_genuine_while_there_is_no_secret() -> None:
    assert not is_genuine(BODY, {HEADER: signature("", BODY)}, (), Signing())


def test_a_retired_secret_is_not_accepted() -> None:
    assert not is_genuine(BODY, {HEADER: signature(BEFORE, BODY)}, (SECRET,), Signing())


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_a_signature_that_is_not_written_as_the_setting_says_is_not_genuine(encoding: str) -> None:
    right = signature(SECRET, BODY, encoding)
    other = signature(SECRET, BODY, "hex" if encoding == "base64" else "base64")
    odd = ["ключ", "\udc80", "=", "%%%", right[:-3], f"{right},{right}", f"{right}\n{right}", "0x" + right, other]

    for given_text in odd:
        assert not is_genuine(BODY, {HEADER: given_text}, (SECRET,), Signing(HEADER, encoding)), given_text


def test_the_signature_is_over_the_raw_bytes_whatever_they_are() -> None:
    body = b"\xff\x00\r\n{"
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()

    assert is_genuine(body, {HEADER: base64.b64encode(digest).decode()}, (SECRET,), Signing())


# --- which contacts it names ----------------------------------------------------------------------------------


def test_a_contact_event_names_contacts_and_a_gift_event_the_contacts_of_gifts() -> None:
    assert read("ContactUpdate", contact()).contacts == (4107,)
    assert read("GiftCreate", {"gift": {"id": 5, "contactId": 4107}}).gifts_of == (4107,)


@pytest.mark.parametrize(
    "event", ["ContactCreate", "contact.update", "CONTACTUPDATE", "Contact.Create", "contactupdate"]
)
def test_names_of_events_are_compared_without_case_and_dots(event: str) -> None:
    assert read(event, contact()).contacts == (4107,)


def test_the_single_form_is_read_like_models() -> None:
    assert read_delivery(json.dumps({"event": "ContactUpdate", **contact()}).encode()).contacts == (4107,)
    told = read_delivery(b'{"event": "gift.update", "gift": {"id": 1, "contactId": 9}}')
    assert (told.gifts_of, told.accepted) == ((9,), 1)


def test_a_bundle_names_each_contact_once_in_its_order() -> None:
    told = read("ContactUpdate", *(contact(number) for number in (3, 1, 3, 2, 1)))

    assert (told.contacts, told.accepted, told.ignored) == ((3, 1, 2), 3, {})


def test_a_bundle_of_megabytes_is_read_whole() -> None:
    told = read("ContactUpdate", *(contact(number, note="x" * 900) for number in range(1, 5001)))

    assert told.contacts == tuple(range(1, 5001))


@pytest.mark.parametrize("event", ["GiftDelete", "ProjectUpdate", "FormSubmission", "Nothing.Known", "", "ключ"])
def test_an_event_of_no_interest_is_ignored_with_its_reason(event: str) -> None:
    told = read(event, {"id": 7}, contact())

    assert (told.accepted, told.ignored) == (0, {"event of no interest": 2})
    assert read_delivery(json.dumps({"event": event}).encode()).ignored == {"event of no interest": 1}


def test_models_without_a_contact_are_ignored_and_counted() -> None:
    told = read("ContactUpdate", {}, {"contact": None}, {"other": 1}, contact())

    assert (told.contacts, told.ignored) == ((4107,), {"without contact": 3})
    assert read("ContactUpdate", {"contact": None}).ignored == {"without contact": 1}
    assert read("GiftUpdate", {"id": 8}, {"gift": {"id": 8}}, {"gift": None}).ignored == {"without contact": 3}
    assert read_delivery(b'{"event": "ContactUpdate", "contact": null}').ignored == {"without contact": 1}
    assert read("ContactUpdate") == Told("ContactUpdate")


def test_what_cannot_be_read_in_a_bundle_does_not_cost_the_others() -> None:
    told = read("ContactUpdate", contact("4107"), 5, {"contact": []}, contact(True), contact(12))

    assert (told.contacts, told.ignored) == ((12,), {"id unreadable": 2, "record unreadable": 2})


def test_nothing_but_the_ids_is_read() -> None:
    odd = {"contactIndividuals": "none", "contactAddresses": 7, "name": "\ud83d", "modifiedDateTimeUtc": []}

    assert read("ContactUpdate", contact(4107, **odd)).contacts == (4107,)


# --- what cannot be read --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"x", BODY[:-1], b"event=ContactUpdate", b"\xff\xfe", b"[" * 100_000, b'{"event":' * 100_000,
     b'{"event": "ContactUpdate", "models": [{"contact": {"id": NaN}}]}',
     b'{"event": "ContactUpdate", "models": [{"contact": {"id": 1}, "x": Infinity}]}',
     b'{"event": "ContactUpdate", "models": [{"contact": {"id": 1, "name": "\xed\xa0\x80"}}]}'],
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    refused = refusal(body)

    assert (refused.field, refused.text) == ("body", "is not JSON")
    assert refused.remedy


@pytest.mark.parametrize("body", [[], None, 7, "text", True, b"9" * 5000])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refusal(body).field == "body"


@pytest.mark.parametrize("event", [None, 7, True, [], {}])
def test_a_body_without_an_event_is_ignored_with_its_reason(event: Any) -> None:
    assert read_delivery(json.dumps({"event": event, "models": [contact(), contact()]}).encode()) == Told(
        "missing", ignored={"without event": 2}
    )
    assert read_delivery(b"{}").ignored == {"without event": 1}


def test_an_event_with_half_a_character_is_one_of_no_interest_and_not_spelt_out() -> None:
    assert read("Contact\ud800Update", contact()) == Told("odd", ignored={"event of no interest": 1})


@pytest.mark.parametrize("models", ["text", 7, True, {"contact": {"id": 1}}])
def test_models_that_are_no_array_are_ignored_and_the_single_record_beside_them_is_read(models: Any) -> None:
    told = read_delivery(json.dumps({"event": "ContactUpdate", "models": models, **contact(9)}).encode())

    assert (told.contacts, told.ignored) == ((9,), {"models unreadable": 1})


@pytest.mark.parametrize("event", ["ContactUpdate", "GiftCreate"])
def test_a_body_without_models_is_ignored_with_its_reason(event: str) -> None:
    for body in ({"event": event}, {"event": event, "models": None}, {"event": event, "id": 4107}):
        assert read_delivery(json.dumps(body).encode()) == Told(event, ignored={"without models": 1})


@pytest.mark.parametrize("contact_id", [True, 4107.0, 4107.5, "4107", "", [], {}, 0, -4107, 10**18, 10**30])
def test_an_id_that_is_no_whole_number_is_ignored_with_its_reason(contact_id: Any) -> None:
    assert read("ContactUpdate", contact(contact_id), contact(3)) == Told(
        "ContactUpdate", (3,), ignored={"id unreadable": 1}
    )
    assert read("GiftCreate", {"gift": {"contactId": contact_id}}).ignored == {"id unreadable": 1}


def test_a_contact_without_an_id_is_ignored_with_its_reason() -> None:
    assert read("ContactUpdate", {"contact": {}}, contact(None)).ignored == {"without id": 2}
    assert read("GiftCreate", {"gift": {}}, {"gift": {"contactId": None}}).ignored == {"without contact": 2}


def test_a_number_of_thousands_of_digits_costs_its_own_record_alone() -> None:
    long = "9" * 5000
    models = f'[{{"contact": {{"id": {long}}}}}, {{"contact": {{"id": 7}}}}]'
    body = f'{{"event": "ContactUpdate", "n": {long}, "models": {models}}}'

    assert read_delivery(body.encode()) == Told("ContactUpdate", (7,), ignored={"id unreadable": 1})


def test_of_a_member_that_comes_twice_the_last_counts() -> None:
    body = b'{"event": "Nothing", "event": "ContactUpdate", "models": 7, "models": [{"contact": {"id": 1, "id": 2}}]}'

    assert read_delivery(body) == Told("ContactUpdate", (2,))


@pytest.mark.parametrize("record", ["text", 7, [], True])
def test_a_record_that_is_no_object_is_ignored_with_its_reason(record: Any) -> None:
    told = read_delivery(json.dumps({"event": "ContactUpdate", "models": [record, {"contact": record}]}).encode())

    assert told.ignored == {"record unreadable": 2}
    assert read_delivery(json.dumps({"event": "GiftUpdate", "gift": record}).encode()).ignored == {
        "record unreadable": 1
    }


def test_the_largest_id_is_accepted() -> None:
    assert read("ContactUpdate", contact(10**18 - 1)).contacts == (10**18 - 1,)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "contact", "gift", "contactId"]), inner),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"event": st.sampled_from(["ContactUpdate", "giftcreate"]) | values},
        optional={"models": st.lists(values) | values, "contact": values, "gift": values},
    )
)
def test_whatever_is_in_an_object_it_is_read_or_ignored_with_a_reason(body: Any) -> None:
    told = read_delivery(json.dumps(body).encode())

    assert all(0 < one < 10**18 for one in (*told.contacts, *told.gifts_of))
    assert told.accepted or told.ignored or body.get("models") == []


@pytest.mark.parametrize("event", ["ContactUpdate", "contact.update", "x" * 40])
def test_a_log_may_hold_the_name_of_an_event(event: str) -> None:
    assert speakable(event) == event


@pytest.mark.parametrize("event", ["Imani Vance", "é", "x" * 41, "contact\n", "", "imani@example.org"])
def test_a_log_holds_no_strangers_text(event: str) -> None:
    assert speakable(event) == "odd"
