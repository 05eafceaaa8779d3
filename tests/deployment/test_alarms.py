"""Each alarm watches a figure that functions write, tells once, and names its page; the dashboard shows them all."""

from __future__ import annotations

import importlib
import json
import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from giftbridge.flows.notice_mail import MailOutcome
from giftbridge.flows.vitals import Held, Vitals
from tests.deployment.template import own_template, resources
from tests.workbench import Workbench, workbench

ALARMS = {name: alarm["Properties"] for name, alarm in resources("AWS::CloudWatch::Alarm").items()}
FILTERS = [made["Properties"] for made in resources("AWS::Logs::MetricFilter").values()]
OURS = "GiftBridge/${AWS::StackName}"
STACK = "GiftBridge/ours"
# Written by AWS.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
}
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1,
    invoked_function_arn="a",
    aws_request_id="request",
    log_group_name="g",
    get_remaining_time_in_millis=lambda: 60_000,
)
EVERYTHING = Vitals(
    oldest_undelivered_seconds=200.0,
    pickup_silent_seconds=1_000.0,
    open_breakers=1,
    stopped_systems=1,
    failed={"aegis": 1},
    is_batch_missed=True,
    open_differences=1,
    held=Held(2, 60.0),
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with workbench() as made:
        yield made


@pytest.fixture
def written(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> set[tuple[str, str, tuple[tuple[str, str], ...], str]]:
    """Namespace, name, dimensions and unit of every figure that the sweep and the mail write, as Lambda starts them."""
    said = own_template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", said["Fn::Sub"].replace("${AWS::StackName}", "ours"))
    for name in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE"):
        monkeypatch.setenv(f"{name}_TABLE", f"{name}Table")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("giftbridge.flows.vitals.VitalSigns.take", lambda _self: EVERYTHING)
    ours = logging.getLogger("giftbridge")
    before = (ours.handlers, ours.level)
    mail = SimpleNamespace(run=lambda: MailOutcome(trouble="mail-limit"))
    monkeypatch.setattr("giftbridge.assembly.Assembly.notice_mail", lambda _self: mail)
    for folder, logical_id in (("delivery_sweep", "DeliverySweepFunction"), ("notice_mail", "NoticeMailFunction")):
        function = own_template()["Resources"][logical_id]["Properties"]
        for name, value in function["Environment"]["Variables"].items():
            monkeypatch.setenv(name, value if isinstance(value, str) else "ours")
        loaded = importlib.reload(importlib.import_module(f"functions.{folder}.handler"))
        loaded.lambda_handler({}, CONTEXT)
    ours.handlers, ours.level = before
    return {figure for line in capsys.readouterr().out.splitlines() for figure in _figures(line)}


def _figures(line: str) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...], str]]:
    """What CloudWatch makes of a line in the embedded metric format."""
    told = json.loads(line) if line.startswith("{") else {}
    for made in told.get("_aws", {}).get("CloudWatchMetrics", []):
        [names] = made["Dimensions"]
        for metric in made["Metrics"]:
            assert isinstance(told[metric["Name"]][0], int | float)
            yield made["Namespace"], metric["Name"], tuple((n, told[n]) for n in sorted(names)), metric["Unit"]


def _watched(alarm: dict[str, Any]) -> tuple[str, str, tuple[tuple[str, Any], ...]]:
    space = alarm["Namespace"]
    named = space if isinstance(space, str) else space["Fn::Sub"].replace("${AWS::StackName}", "ours")
    return named, alarm["MetricName"], tuple((d["Name"], d["Value"]) for d in alarm.get("Dimensions", []))


def _counted() -> set[tuple[str, str, tuple[()]]]:
    """What the filters on the log groups make."""
    made = [transformation for each in FILTERS for transformation in each["MetricTransformations"]]
    assert all(t["MetricNamespace"] == {"Fn::Sub": OURS} and "Dimensions" not in t for t in made)
    return {(STACK, t["MetricName"], ()) for t in made}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_watches_what_is_written(
    name: str, written: set[tuple[str, str, tuple[tuple[str, str], ...], str]]
) -> None:
    alarm = ALARMS[name]
    namespace, metric, dimensions = _watched(alarm)

    is_of_aws = (namespace, metric) in OF_AWS
    assert is_of_aws or (namespace, metric, dimensions) in {figure[:3] for figure in written} | _counted()
    # A unit that differs from that of the figures finds none of them.
    assert "Unit" not in alarm


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_tells_when_it_starts_and_when_it_ends_and_names_its_page(name: str) -> None:
    alarm = ALARMS[name]

    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert not {"InsufficientDataActions", "ActionsEnabled"} & set(alarm)
    assert re.search(r"`giftbridge [a-z -]+`|log groups", alarm["AlarmDescription"])
    assert re.search(r"docs/runbook/[a-z-]+\.md says what to do\.", alarm["AlarmDescription"])
    assert len(alarm["AlarmDescription"]) < 1024


def test_missing_data_is_trouble_for_the_age_alone() -> None:
    breaching = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}

    assert breaching == {"OldestUndeliveredAlarm"}
    # So the sweep, which writes it, runs before anything is connected.
    assert own_template()["Parameters"]["SweepSchedule"]["Default"] == "ENABLED"


def test_everything_that_is_to_ring_has_an_alarm() -> None:
    assert {alarm["MetricName"] for alarm in ALARMS.values()} == {
        "OldestUndeliveredSeconds",
        "PickupSilentSeconds",
        "ApproximateNumberOfMessagesVisible",
        "OpenBreakers",
        "StoppedSystems",
        "WebhooksRefused",
        "BatchMissed",
        "ReconciliationDifferences",
        "NoticeMailTroubles",
        "ErrorsLogged",
    }
    assert own_template()["Parameters"]["OldestUndeliveredLimitSeconds"]["Default"] == 180


def test_a_figure_in_seconds_says_so(written: set[tuple[str, str, tuple[tuple[str, str], ...], str]]) -> None:
    units = {name: unit for _, name, _, unit in written}

    assert (units["OldestUndeliveredSeconds"], units["OpenBreakers"]) == ("Seconds", "Count")


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each["LogGroupName"]["Ref"])
def test_a_counted_line_is_one_that_its_function_logs(each: dict[str, Any]) -> None:
    folder = {"ContactWebhookLogs": "contact_webhook", "RaiseDonorsHintLogs": "raisedonors_hint"}
    found = re.fullmatch(r'\{ \$\.message = "([a-z ]+)" \}', each["FilterPattern"])
    if found is None:
        assert '$.level = "ERROR"' in each["FilterPattern"]
        return
    source = importlib.util.find_spec(f"functions.{folder[each['LogGroupName']['Ref']]}.handler")  # type: ignore[attr-defined]
    with open(source.origin, encoding="utf-8") as handler:  # noqa: PTH123
        assert re.search(rf'assembly\.log\.(?:info|warning)\("{found[1]}"', handler.read())


def test_errors_are_counted_in_every_log_group() -> None:
    groups = {each["LogGroupName"]["Ref"] for each in FILTERS if "ERROR" in each["FilterPattern"]}

    assert groups == set(resources("AWS::Logs::LogGroup"))


def test_only_cloudwatch_publishes_and_the_topic_is_encrypted_with_a_key_that_it_may_use() -> None:
    template = own_template()["Resources"]
    [publishing] = template["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    used = template["AlarmKey"]["Properties"]["KeyPolicy"]["Statement"][1]

    assert template["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": ["AlarmKey", "Arn"]}
    for statement in (publishing, used):
        assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert template["AlarmSubscription"]["Condition"] == "HasAlarmEmail"


def test_the_dashboard_shows_every_alarm_and_only_figures_that_are_written(
    written: set[tuple[str, str, tuple[tuple[str, str], ...], str]],
) -> None:
    text = own_template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body = json.loads(text.replace("${OldestUndeliveredLimitSeconds}", "180").replace("${AWS::StackName}", "ours"))
    shown = [widget["properties"] for widget in body["widgets"]]
    figures = {
        tuple(part for part in metric if isinstance(part, str)) for w in shown for metric in w.get("metrics", [])
    }
    # Figures of the functions that this test does not start: what they tell is in their handlers.
    elsewhere = re.compile(r"Deliveries-[a-z]+|DonationsSeen")

    assert {name for w in shown for name in w.get("alarms", [])} == {f"${{{name}.Arn}}" for name in ALARMS}
    known = {(space, name, *(part for d in dimensions for part in d)) for space, name, dimensions, _ in written}
    known |= {(space, name) for space, name, _ in _counted()}
    for figure in figures:
        assert figure in known or elsewhere.fullmatch(figure[1]) or figure[:2] in OF_AWS, figure
    assert all(w["x"] >= 0 and w["x"] + w["width"] <= 24 for w in body["widgets"])
