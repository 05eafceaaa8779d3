"""What a function learns from its environment."""

from __future__ import annotations

import pytest

from giftbridge.environment import Environment, QueueUrls
from tests.deployment.template import as_deployed, own_template

TABLES = {f"{name}_TABLE": name for name in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE")}


def test_the_template_tells_every_function_of_all_queues_and_secrets() -> None:
    variables = as_deployed(own_template())["Globals"]["Function"]["Environment"]["Variables"]
    named = {name: value["Ref"] for name, value in variables.items() if "Ref" in value}
    told = Environment.read(named | {"QUEUE_VISIBILITY_SECONDS": "120"})

    assert told.queues == {
        "aegis": QueueUrls("AegisQueue", "AegisDeadLetterQueue"),
        "virtuous": QueueUrls("VirtuousQueue", "VirtuousDeadLetterQueue"),
        "raisedonors": QueueUrls("RaiseDonorsQueue", "RaiseDonorsDeadLetterQueue"),
    }
    assert told.secret_ids == {
        "raisedonors": "RaiseDonorsSecret",
        "aegis": "AegisSecret",
        "virtuous": "VirtuousSecret",
    }


def test_a_function_that_is_told_of_no_queue_and_no_secret_starts_all_the_same() -> None:
    told = Environment.read(TABLES | {"AEGIS_QUEUE_URL": "", "VIRTUOUS_SECRET": ""})

    assert (told.queues, told.secret_ids) == ({}, {})


def test_a_function_that_is_not_told_of_its_tables_does_not_start() -> None:
    with pytest.raises(KeyError):
        Environment.read({"AEGIS_QUEUE_URL": "https://sqs.test/q"})
