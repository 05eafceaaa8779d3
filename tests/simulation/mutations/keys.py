"""Guards of keys: one delivery settles a key, a key is looked at before it is used, others' keys are honoured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from giftbridge.flows.holds import KeyState
from tests.simulation.mutations.mutation import Mutation


def _never_known(_: Any) -> Callable[..., KeyState]:
    return lambda _tools, _work, _entity, _system: KeyState(None)


def _none_released(_: Any) -> Callable[..., list[Any]]:
    return lambda _work, _after: []


def _none_found(_: Any) -> Callable[..., list[Any]]:
    return lambda _partners, _donor, _settings, _first=(): []


def _by_last_name(_: Any) -> Callable[..., Any]:
    return lambda donor, _rules: (("company",),) if donor.is_organization else (("last_name",),)


def _nothing_open(_: Any) -> Callable[..., None]:
    return lambda _tools, _work: None


MUTATIONS = (
    Mutation(
        "hold-kept",
        "the hold on a record that was saved is never given back",
        "giftbridge.flows.work:Work._released",
        _none_released,
    ),
    Mutation(
        "no-search-before-a-partner-is-made",
        "a donor without a key gets a new partner without a search",
        "giftbridge.flows.aegis_partners:AegisPartners._matches",
        _none_found,
    ),
    Mutation(
        "matched-by-last-name",
        "a partner with the same last name is taken for the donor",
        "giftbridge.flows.aegis_partners:rules_for",
        _by_last_name,
        donations=40,
    ),
    Mutation(
        "pledge-key-not-looked-up",
        "each gift of a schedule makes a pledge",
        "giftbridge.flows.aegis_pledges:key_or_free",
        _never_known,
    ),
    Mutation(
        "edit-does-not-wait-for-the-gift",
        "a schedule's change is done with while the gift that makes its pledge is on its way",
        "giftbridge.flows.aegis_schedules:require_no_open_donation",
        _nothing_open,
        ("outage-aegis", "http-late-landing"),
        donations=40,
    ),
)
