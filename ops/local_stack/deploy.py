"""Deploys a build to the emulator's CloudFormation: what `sam deploy` does, without its start-up time.

The template that is deployed is template.yaml, except for where the code lies. A test compares the two.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from ops.local_stack.build import Build, code_folders
from ops.local_stack.paths import STACK_NAME, LocalStackError

BUCKET = "giftbridge-local-artifacts"
BUILD_TAG = "giftbridge:deployed"

# What the deployed template may have that template.yaml has not, beside the places of code: paths into the template.
ALLOWED_DIFFERENCES: tuple[str, ...] = ()

Clients = Callable[[str], Any]


def deploy(clients: Clients, build: Build, parameters: dict[str, str]) -> dict[str, str]:
    """Brings the stack to this build and these parameters, if it is not there yet; gives its outputs."""
    cloudformation = clients("cloudformation")
    # A tag takes 256 characters.
    wanted = hashlib.sha256(json.dumps([build.name, sorted(parameters.items())]).encode()).hexdigest()
    stack = _stack(cloudformation)
    if stack is not None and _tag(stack) == wanted and stack["StackStatus"].endswith("_COMPLETE"):
        return _outputs(stack)
    arguments = {
        "StackName": STACK_NAME,
        "TemplateURL": _upload(clients("s3"), build),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(parameters.items())],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": BUILD_TAG, "Value": wanted}],
    }
    if stack is None:
        cloudformation.create_stack(**arguments)
        _wait(cloudformation, "stack_create_complete")
    else:
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as refused:
            if "No updates are to be performed" not in str(refused):
                raise
        else:
            _wait(cloudformation, "stack_update_complete")
    _set_event_invoke_configs(clients, build)
    deployed = _stack(cloudformation)
    if deployed is None:
        raise LocalStackError("The stack vanished while it was deployed.")
    return _outputs(deployed)


def packaged(build: Build) -> dict[str, Any]:
    """The built template with the places of the uploaded archives in it."""
    template = copy.deepcopy(build.template)
    for logical_id, code in code_folders(template):
        template["Resources"][logical_id]["Properties"][code] = f"s3://{BUCKET}/{_key(build, logical_id)}"
    return template


def _key(build: Build, logical_id: str) -> str:
    return f"{build.name}/{logical_id}.zip"


def _upload(s3: Any, build: Build) -> str:
    s3.create_bucket(Bucket=BUCKET)
    for logical_id, _property in code_folders(build.template):
        s3.put_object(Bucket=BUCKET, Key=_key(build, logical_id), Body=build.archive(logical_id).read_bytes())
    key = f"{build.name}/template.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(packaged(build)).encode())
    return f"{s3.meta.endpoint_url}/{BUCKET}/{key}"


def _stack(cloudformation: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError as missing:
        if "does not exist" in str(missing):
            return None
        raise
    return found


def _wait(cloudformation: Any, for_what: str) -> None:
    try:
        cloudformation.get_waiter(for_what).wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    except WaiterError as failed:
        events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        raise LocalStackError("The stack could not be deployed:\n" + "\n".join(reasons)) from failed


def _set_event_invoke_configs(clients: Clients, build: Build) -> None:
    """The emulator's CloudFormation skips a function's EventInvokeConfig, its Lambda API knows it."""
    for logical_id, resource in build.template["Resources"].items():
        config = resource["Properties"].get("EventInvokeConfig")
        if resource["Type"] == "AWS::Serverless::Function" and config:
            physical = clients("cloudformation").describe_stack_resource(
                StackName=STACK_NAME, LogicalResourceId=logical_id
            )["StackResourceDetail"]["PhysicalResourceId"]
            clients("lambda").put_function_event_invoke_config(FunctionName=physical, **config)


def _tag(stack: dict[str, Any]) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", []) if tag["Key"] == BUILD_TAG), None)


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
