"""The functions of a world are those that Lambda runs."""

from __future__ import annotations

import logging
import os
from inspect import getsourcefile, unwrap
from pathlib import Path

import pytest

from ops.local_stack.paths import CHECKOUT
from tests.simulation.aws.template import template
from tests.simulation.world.functions import handle_of, loaded
from tests.simulation.world.world import SCHEDULES, SOURCES

NAMES = (*SCHEDULES, *(function for function, _ in SOURCES.values()), "ContactWebhookFunction")


@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_the_world_is_the_one_that_the_template_names(name: str) -> None:
    folder = template()["Resources"][name]["Properties"]["CodeUri"]
    handle = loaded(name).handle

    assert callable(handle_of(name))
    assert Path(str(getsourcefile(unwrap(handle)))) == CHECKOUT / folder / "handler.py"


def test_loading_a_function_leaves_the_environment_and_the_log_as_they_were() -> None:
    log = logging.getLogger("giftbridge")
    before = (dict(os.environ), log.handlers, log.level)
    loaded.cache_clear()
    loaded("DonationPickupFunction")

    assert (dict(os.environ), log.handlers, log.level) == before
