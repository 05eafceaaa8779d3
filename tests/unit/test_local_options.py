"""What `giftbridge local` is told about webhooks, and what it makes of a system's options."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local_stack.options import LocalOptions
from ops.local_stack.paths import LocalStackError


def options(**more: str) -> LocalOptions:
    return LocalOptions(state_dir=Path("state"), **more)  # type: ignore[arg-type]


def test_the_webhooks_token_is_raisedonors_own_unless_another_is_given() -> None:
    known = {"raisedonors_url": "http://127.0.0.1:9", "raisedonors_token": "t"}

    assert options(**known).secret("raisedonors")["webhook_token"] == "t"
    assert options(**known, raisedonors_webhook_token="w").secret("raisedonors")["webhook_token"] == "w"
    assert options().secret("raisedonors") == {}


def test_a_webhook_token_alone_connects_nothing() -> None:
    with pytest.raises(LocalStackError, match="--raisedonors-webhook-token needs"):
        options(raisedonors_webhook_token="w").check()


def test_virtuous_is_on_with_all_of_its_options_and_refused_with_some() -> None:
    whole = {"virtuous_url": "http://127.0.0.1:9", "virtuous_api_key": "k", "virtuous_webhook_secret": "s"}

    assert options(**whole).secret("virtuous") == {
        "url": "http://127.0.0.1:9",
        "api_key": "k",
        "webhook_secret": "s",
    }
    assert not options().is_on("virtuous") and options().secret("virtuous") == {}
    del whole["virtuous_webhook_secret"]
    with pytest.raises(LocalStackError, match="missing: --virtuous-webhook-secret"):
        options(**whole).check()


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (
            {"raisedonors_token": "hidden\n"},
            "--raisedonors-token has blanks, line breaks or invisible",
        ),
        ({"raisedonors_token": "\ufeffhidden"}, "--raisedonors-token has blanks"),
        ({"raisedonors_token": "hid\u200bden"}, "--raisedonors-token holds a zero-width blank"),
        ({"raisedonors_token": "\u201chidden\u201d"}, "--raisedonors-token holds a curly quotation mark"),
        ({"raisedonors_webhook_token": "hid den"}, "--raisedonors-webhook-token holds a blank"),
        ({"raisedonors_url": "https://a..b"}, "--raisedonors-url is no address: it names no host"),
        ({"raisedonors_url": "hidden"}, "--raisedonors-url is no address: it does not begin with https://"),
        ({"raisedonors_url": " http://127.0.0.1:9"}, "--raisedonors-url has blanks"),
    ],
)
def test_an_option_that_was_pasted_with_something_odd_is_refused_by_name_and_not_shown(
    odd: dict[str, str], words: str
) -> None:
    known = {"raisedonors_url": "http://127.0.0.1:9/", "raisedonors_token": "t"}
    options(**known).check()

    with pytest.raises(LocalStackError, match=words) as refused:
        options(**{**known, **odd}).check()

    assert refused.value.exit_code == 2 and "hid" not in str(refused.value).replace("--", "")
