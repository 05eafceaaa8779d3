"""template.yaml: valid, safe to lose nothing, and no function may do more than it must."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local_stack.front import HTTP_ROUTES
from ops.local_stack.paths import CHECKOUT, SAM
from tests.deployment.template import own_template, resources

FUNCTIONS = resources("AWS::Serverless::Function")
TABLES = resources("AWS::DynamoDB::Table")
ROLES = resources("AWS::IAM::Role")
# Who may read which secret. A new line here is a decision.
READERS = {
    "RaiseDonorsSecret": {
        "DonationPickupRole",
        "DeliverySweepRole",
        "AegisDeliveryRole",
        "VirtuousDeliveryRole",
        "RaiseDonorsDeliveryRole",
        "DailyBatchRole",
        "DonorHistoryRole",
        "RaiseDonorsHintRole",
    },
    "AegisSecret": {"DeliverySweepRole", "AegisDeliveryRole", "DailyBatchRole", "DonorHistoryRole"},
    "VirtuousSecret": {
        "DeliverySweepRole",
        "VirtuousDeliveryRole",
        "RaiseDonorsDeliveryRole",
        "DailyBatchRole",
        "ContactWebhookRole",
    },
}

# Statements whose resource cannot be named: the sender is a setting, and SES has no name for its suppression list.
WIDE = {("NoticeMailRole", "SendMail"), ("NoticeMailRole", "AskSuppressionList")}


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_sam_and_its_linter_find_nothing_wrong_with_the_template() -> None:
    done = subprocess.run(
        [str(SAM), "validate", "--lint", "--template", "template.yaml"],
        cwd=CHECKOUT,
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_table_survives_its_stack(table: str) -> None:
    resource = TABLES[table]

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert resource["Properties"]["DeletionProtectionEnabled"] is True
    assert resource["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert resource["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_secrets_survive_their_stack() -> None:
    kept = {name: secret["DeletionPolicy"] for name, secret in resources("AWS::SecretsManager::Secret").items()}

    assert kept == dict.fromkeys(READERS, "Retain")


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_function_is_allowed_named_actions_on_named_resources_only(role: str) -> None:
    assert "ManagedPolicyArns" not in ROLES[role]["Properties"]
    for statement in statements(ROLES[role]):
        assert not [action for action in as_list(statement["Action"]) if "*" in action], statement
        wide = [resource for resource in as_list(statement["Resource"]) if "*" in str(resource)]
        assert not wide or (role, statement["Sid"]) in WIDE, statement


@pytest.mark.parametrize("secret", sorted(READERS))
def test_a_secret_is_readable_by_those_listed_only(secret: str) -> None:
    readers = {
        name
        for name, role in ROLES.items()
        for statement in statements(role)
        if "secretsmanager:GetSecretValue" in as_list(statement["Action"])
        and {"Ref": secret} in as_list(statement["Resource"])
    }

    assert readers == READERS[secret]


def test_every_function_has_a_role_and_a_log_group_of_its_own() -> None:
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
    groups = [function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]

    assert sorted(set(roles)) == sorted(roles) == sorted(ROLES)
    assert sorted(set(groups)) == sorted(groups) == sorted(resources("AWS::Logs::LogGroup"))
    for name, role in ROLES.items():
        log = next(statement for statement in statements(role) if statement["Sid"] == "Log")
        assert log["Resource"] == {"Fn::GetAtt": [name.replace("Role", "Logs"), "Arn"]}


def test_the_template_and_the_functions_folder_name_the_same_functions() -> None:
    named = {function["Properties"]["CodeUri"] for function in FUNCTIONS.values()}
    present = {f"functions/{handler.parent.name}/" for handler in CHECKOUT.glob("functions/*/handler.py")}

    assert named == present


def test_all_schedules_but_the_sweeps_are_off_until_connect_turns_them_on() -> None:
    schedules = [
        event["Properties"]
        for function in FUNCTIONS.values()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] in {"Schedule", "ScheduleV2"}
    ]

    assert [schedule["State"] for schedule in schedules] == ["DISABLED", {"Ref": "SweepSchedule"}, *["DISABLED"] * 2]
    assert own_template()["Parameters"]["SweepSchedule"]["Default"] == "ENABLED"


def test_every_parameter_has_a_default_and_a_description() -> None:
    for name, parameter in own_template()["Parameters"].items():
        assert "Default" in parameter, name
        assert parameter["Description"], name


def test_names_are_left_to_cloudformation_so_that_two_stacks_live_side_by_side() -> None:
    naming = {"TableName", "QueueName", "FunctionName", "RoleName", "LogGroupName", "AlarmName", "Name", "LayerName"}
    # What refers to another name is no name of our own.
    named = {
        name: {field for field in naming & set(r.get("Properties", {})) if "Ref" not in r["Properties"][field]}
        for name, r in own_template()["Resources"].items()
    }
    schedules = [
        event["Properties"]
        for function in FUNCTIONS.values()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    ]

    assert {name: found for name, found in named.items() if found} == {}
    # SAM names such a schedule unless it is told not to.
    assert [(schedule["OmitName"], "Name" in schedule) for schedule in schedules] == [(True, False)]


def test_every_destination_has_a_queue_a_dead_letter_queue_and_an_alarm_of_its_own() -> None:
    queues, alarms = resources("AWS::SQS::Queue"), resources("AWS::CloudWatch::Alarm")
    sources = {
        event["Properties"]["Queue"]["Fn::GetAtt"][0]: event["Properties"]
        for function in FUNCTIONS.values()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "SQS"
    }

    assert set(sources) == {"AegisQueue", "VirtuousQueue", "RaiseDonorsQueue"}
    assert set(queues) == {*sources, *(name.replace("Queue", "DeadLetterQueue") for name in sources)}
    for name, source in sources.items():
        dead_letters = name.replace("Queue", "DeadLetterQueue")
        assert queues[name]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] == dead_letters
        alarm = alarms[name.replace("Queue", "DeadLetterAlarm")]["Properties"]
        assert alarm["Dimensions"][0]["Value"]["Fn::GetAtt"] == [dead_letters, "QueueName"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"]["MaximumConcurrency"]["Ref"] == name.replace("Queue", "MaximumConcurrency")


def test_the_history_needs_a_signature_and_strangers_reach_the_webhooks_alone() -> None:
    routes = {r["Properties"]["RouteKey"]: r["Properties"] for r in resources("AWS::ApiGatewayV2::Route").values()}

    assert {key: route["AuthorizationType"] for key, route in routes.items()} == {
        "GET /donors/{donorId}/history": "AWS_IAM",
        "POST /webhooks/raisedonors": "NONE",
        "POST /webhooks/virtuous": "NONE",
    }
    stage = resources("AWS::ApiGatewayV2::Stage")["HttpStage"]["Properties"]
    assert set(stage["DefaultRouteSettings"]) == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}


def test_the_local_front_serves_the_routes_of_the_template() -> None:
    routes = {r["Properties"]["RouteKey"] for r in resources("AWS::ApiGatewayV2::Route").values()}

    assert {f"{method} {path}" for method, path, _ in HTTP_ROUTES} == routes
    assert {name for *_, name in HTTP_ROUTES} <= set(own_template()["Outputs"])


def test_the_portals_policy_allows_the_history_and_nothing_else() -> None:
    [statement] = resources("AWS::IAM::ManagedPolicy")["DonorPortalPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert statement["Resource"]["Fn::Sub"].endswith(":${HttpApi}/$default/GET/donors/*/history")


@pytest.mark.parametrize(
    ("role", "keys"),
    [("RaiseDonorsHintRole", ["hint#pickup"]), ("DonorHistoryRole", ["budget#aegis", "budget#raisedonors"])],
)
def test_a_function_behind_a_route_may_write_its_own_rows_alone(role: str, keys: list[str]) -> None:
    writes = [
        statement
        for statement in statements(ROLES[role])
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(as_list(statement["Action"]))
    ]

    assert [statement["Condition"]["ForAllValues:StringEquals"] for statement in writes] == [
        {"dynamodb:LeadingKeys": keys}
    ]


def test_virtuous_webhook_may_read_the_settings_queue_contacts_and_nothing_else() -> None:
    allowed = {
        statement["Sid"]: (statement["Action"], statement["Resource"], statement.get("Condition"))
        for statement in statements(ROLES["ContactWebhookRole"])
        if statement["Sid"] != "Log"
    }

    assert allowed == {
        "ReadSettings": (
            ["dynamodb:GetItem"],
            {"Fn::GetAtt": ["StateTable", "Arn"]},
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["settings"]}},
        ),
        "QueueContacts": (["sqs:SendMessage"], {"Fn::GetAtt": ["RaiseDonorsQueue", "Arn"]}, None),
        "CheckSignature": (["secretsmanager:GetSecretValue"], {"Ref": "VirtuousSecret"}, None),
    }


def test_every_role_that_reads_a_table_or_a_secret_may_use_the_stacks_own_key() -> None:
    allowed = {role["Ref"] for role in own_template()["Resources"]["KmsKeyUse"]["Properties"]["Roles"]}

    assert allowed == set(ROLES)


def test_the_deployment_settings_name_parameters_that_exist() -> None:
    config = tomllib.loads((CHECKOUT / "samconfig.toml").read_text())
    parameters = set(own_template()["Parameters"])

    for environment in ("dev", "prod"):
        deploy = config[environment]["deploy"]["parameters"]
        assert {override.split("=")[0] for override in deploy["parameter_overrides"]} <= parameters
        assert deploy["resolve_s3"] is True
