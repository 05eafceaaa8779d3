"""What people may do: each verb makes only calls that the stack's policies allow (requirement G7a)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command.desk import SECRETS, Answer, Desk, own_client, virtuous_desk
from tests.deployment.recorder import Recorder, resource_of
from tests.deployment.template import own_template, resources

LOOK, ACT = "look", "act"
POLICIES = {LOOK: ["ReadOnlyPolicy"], ACT: ["ReadOnlyPolicy", "OperatorPolicy"]}
# Statements for which AWS knows no narrower resource.
WIDE = {"SeeAlarmsAndMetrics", "LookForTwins"}
LONGEST_POLICY = 6_144
FUNCTIONS = {"pickup-function": "DonationPickupFunction", "batch-function": "DailyBatchFunction"}
MOVES = {"start_message_move_task": "StartMessageMoveTask", "list_message_move_tasks": "ListMessageMoveTasks"}


class PeopleRecorder(Recorder):
    """Notes the calls of a desk to every service."""

    def __init__(self, at: Desk) -> None:
        super().__init__(at.bench)
        self.at = at
        for service in ("secretsmanager", "events", "scheduler"):
            own_client(service).meta.events.register(f"provide-client-params.{service}.*", self._other, service)
        invoke = at.lambda_of_aws.invoke
        at.lambda_of_aws.invoke = lambda **said: self._invoked(invoke, **said)  # type: ignore[method-assign]
        for method, operation in MOVES.items():
            setattr(at.sqs, method, self._moved(getattr(at.sqs, method), operation))

    def stop(self) -> None:
        """The clients outlive the desk."""
        for service in ("secretsmanager", "events", "scheduler"):
            own_client(service).meta.events.unregister(f"provide-client-params.{service}.*", self._other, service)

    def _invoked(self, invoke: Callable[..., Any], **said: Any) -> Any:
        self._note("lambda:InvokeFunction", FUNCTIONS[said["FunctionName"]])
        part, self.part = self.part, ""
        try:
            return invoke(**said)
        finally:
            self.part = part

    def _moved(self, call: Callable[..., Any], operation: str) -> Callable[..., Any]:
        def move(**said: Any) -> Any:
            self._note(f"sqs:{operation}", "AegisDeadLetterQueue")
            part, self.part = self.part, ""
            try:
                return call(**said)
            finally:
                self.part = part

        return move

    def _other(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        service, prefix = model.service_model.service_name, model.name
        if service == "secretsmanager":
            arn = str(params.get("SecretId", "*"))
            resource = next((output for output in SECRETS.values() if output in arn), "*")
        else:
            resource = service
        self._note(f"{service}:{prefix}", resource)


def allowed(policies: list[str]) -> set[tuple[str, str]]:
    """The actions that policies allow, with the resource of each."""
    found = set()
    for statement in (each for policy in policies for each in statements(policy)):
        for action in _list(statement["Action"]):
            for resource in _list(statement["Resource"]):
                named = resource_of(resource)
                found.add((action, action.partition(":")[0] if action.startswith(("events:", "scheduler:")) else named))
    return found


def statements(policy: str) -> list[dict[str, Any]]:
    listed = resources("AWS::IAM::ManagedPolicy")[policy]["Properties"]["PolicyDocument"]["Statement"]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in listed]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def recorder() -> Iterator[PeopleRecorder]:
    """An operator's day: gifts that fail, looking from every side, connecting, retrying, redriving, pausing."""
    with virtuous_desk() as at:
        watched = PeopleRecorder(at)
        at.put_secret("virtuous", {"url": "https://virtuous.test", "api_key": at.both.virtuous.api_key})
        at.both.subscribe()
        at.bench.settings(virtuous={"enabled": True})
        at.connect_both()
        at.bench.population.build(donors=3)
        failed, fine = at.fail_gift(), at.bench.give("one_time")
        at.bench.run(3)
        at.lambda_of_aws.batch_answers += [{"why_idle": None, "batch": "b"}]
        donor = str(at.bench.delivery(fine).donor_id)
        for verb in (
            *(["status"], ["failures"], ["deliveries"], ["deliveries", str(fine)], ["activity", "--donor", donor]),
            *(
                ["deliveries", "--state", "failed"],
                ["settings", "show"],
                ["settings", "history"],
                ["deliveries", "--day"],
            ),
        ):
            _as_somebody_without_secrets(at, watched, [*verb, "2026-03-02"] if verb[-1] == "--day" else verb)
        for verb in (
            ["replay", str(failed), "--plan"],
            ["retry", str(failed), "--yes"],
            ["dlq", "list"],
            ["redrive", "--destination", "aegis"],
            ["pause", "aegis"],
            ["resume", "aegis"],
            ["pickup", "run"],
            ["pickup", "run", "--preview"],
            ["batch", "run"],
            ["settings", "set", "aegis.channel=Web"],
            ["settings", "validate", "--live"],
            ["backfill", "--from", "2026-01-01", "--destination", "aegis", "--yes"],
            ["review"],
            ["undo", donor, "--plan"],
            ["reconcile", "--from", "2026-03-02"],
        ):
            watched.watch(ACT, lambda verb=verb: _expect(at.run(*verb)))  # type: ignore[misc]
        values = {"url": "https://aegis.test", "context": at.bench.aegis.context, "username": at.bench.aegis.username}
        given = json.dumps({**values, "password": at.bench.aegis.password})
        watched.watch(ACT, lambda: _expect(at.run("connect", "aegis", "--from-stdin", input=given)))
        yield watched
        watched.stop()


def _as_somebody_without_secrets(at: Desk, watched: PeopleRecorder, verb: list[str]) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetSecretValue")

    at.bench.clock.advance(61)
    at.secrets.get_secret_value = refuse
    try:
        watched.watch(LOOK, lambda: _expect(at.run(*verb)))
    finally:
        del at.secrets.get_secret_value


def _expect(answer: Answer) -> None:
    assert answer.code in {0, 1}, answer


@pytest.mark.parametrize("sort", [LOOK, ACT])
def test_a_verb_makes_only_calls_that_the_policies_allow(recorder: PeopleRecorder, sort: str) -> None:
    made = {(action, _any_index(resource)) for action, resource in recorder.made[sort]}

    assert len(made) > 5
    assert made - allowed(POLICIES[sort]) == set()


def _any_index(resource: str) -> str:
    return f"{resource.partition('/index/')[0]}/index/*" if "/index/" in resource else resource


def test_looking_changes_nothing_and_reads_no_secret(recorder: PeopleRecorder) -> None:
    actions = {action for action, _ in recorder.made[LOOK]}

    assert {
        action for action in actions if not action.split(":")[1].startswith(("Get", "BatchGet", "Query", "Describe"))
    } == set()
    assert "secretsmanager:GetSecretValue" not in {action for action, _ in allowed(POLICIES[LOOK])}


def test_acting_uses_every_service_that_an_operator_is_let_into(recorder: PeopleRecorder) -> None:
    used = {action.partition(":")[0] for action, _ in recorder.made[ACT]}

    assert used >= {"dynamodb", "sqs", "secretsmanager", "lambda", "events", "scheduler"}


@pytest.mark.parametrize("policy", ["ReadOnlyPolicy", "OperatorPolicy"])
def test_a_policy_names_its_actions_and_its_resources_and_is_not_too_long_for_iam(policy: str) -> None:
    for statement in statements(policy):
        assert not [action for action in _list(statement["Action"]) if "*" in action]
        assert statement["Sid"] in WIDE or "*" not in [resource_of(each) for each in _list(statement["Resource"])]
    # An ARN of a stack with a name of thirty letters has some 110.
    arns = sum(len(_list(statement["Resource"])) for statement in statements(policy))
    words = len(json.dumps([{**each, "Resource": ""} for each in statements(policy)]).replace(" ", ""))
    assert words + arns * 115 < LONGEST_POLICY


def test_the_outputs_say_which_policies_to_attach() -> None:
    outputs = own_template()["Outputs"]

    assert [outputs[name]["Value"] for name in ("ReadOnlyPolicy", "OperatorPolicy")] == [
        {"Ref": "ReadOnlyPolicy"},
        {"Ref": "OperatorPolicy"},
    ]
