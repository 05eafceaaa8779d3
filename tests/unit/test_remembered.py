"""What a delivery remembers is written in its row by one writer, and read by one reader."""

from __future__ import annotations

import pytest

from giftbridge.domain.contact_ids import ContactLink
from giftbridge.domain.entities import donor_of
from giftbridge.domain.remembered import Mirror, Mirrored, for_later, is_for_later


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("donor:48001:100008", Mirror(Mirrored.DONOR, "48001", "100008")),
        ("schedule:77:PL-9", Mirror(Mirrored.SCHEDULE, "77", "PL-9")),
        ("virtuous:48001:4107/5203", Mirror(Mirrored.VIRTUOUS, "48001", "4107/5203")),
        (
            "activity:48001:4107 2026-03-02 14:32:02.000000",
            Mirror(Mirrored.ACTIVITY, "48001", "4107 2026-03-02 14:32:02.000000"),
        ),
    ],
)
def test_a_mirror_is_written_as_it_is_read_whatever_its_key_holds(text: str, mirror: Mirror) -> None:
    assert Mirror.read(text) == mirror
    assert str(mirror) == text


@pytest.mark.parametrize("text", ["", "donor:1", "person:1:2"])
def test_what_is_no_mirror_is_never_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Mirror.read(text)


def test_facts_for_people_are_told_from_those_for_a_later_step() -> None:
    assert is_for_later(for_later("begun", 48001))
    assert is_for_later(str(Mirror(Mirrored.ACTIVITY, "48001", "4107 2026-03-02")))
    assert not any(is_for_later(name) for name in ("invoice", "partner", "amount", "former_invoice"))


@pytest.mark.parametrize(
    ("key", "link"), [("4107", ContactLink(4107)), ("4107/5203", ContactLink(4107, 5203)), ("9/1", ContactLink(9, 1))]
)
def test_whom_a_donor_is_in_virtuous_is_written_as_it_is_read(key: str, link: ContactLink) -> None:
    assert ContactLink.read(key) == link
    assert str(link) == key


@pytest.mark.parametrize("key", [None, "", "/", "4107/", "/5203", "4107/52/3", "contact#4107", "-1", "\uff14\uff11"])
def test_a_key_that_names_no_contact_links_to_none(key: str | None) -> None:
    assert ContactLink.read(key) is None


@pytest.mark.parametrize(
    ("entity", "donor"),
    [
        ("donor#48001", 48001),
        ("donor#", None),
        ("donor#-1", None),
        ("donors#1", None),
        ("contact#48001", None),
        ("delivery#aegis/donor/48001/updated", None),
        ("donor#" + "9" * 5000, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_only_a_donors_entity_is_a_donor(entity: str, donor: int | None) -> None:
    assert donor_of(entity) == donor
