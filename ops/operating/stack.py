"""A stack as an operator reaches it: in AWS by its name, on this machine by the local stack's address."""

from __future__ import annotations

import getpass
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from giftbridge.assembly import Assembly
from giftbridge.clients.http import new_session
from giftbridge.credentials import Credential, Credentials
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.environment import Environment, QueueUrls
from giftbridge.flows.tools import Tools
from giftbridge.store.settings_versions import SettingsVersions
from giftbridge.surroundings import Surroundings
from ops.operating.problems import Unreachable, WrongUsage
from ops.operating.systems import DESTINATIONS, SYSTEMS, System

STACK_NAME_VARIABLE = "GIFTBRIDGE_STACK_NAME"
LOCAL_VARIABLE = "GIFTBRIDGE_LOCAL"
# The batch may run for five minutes, and an invocation must not be repeated because it is slow.
_LONGEST_INVOCATION = 320
_NOT_OURS = "DeliveriesTable"
_THE_MACHINES_OWN = Surroundings()


@dataclass(frozen=True)
class Stack:
    """One organisation's stack. `client` gives the AWS client of a service, `hint` the option that names the stack.

    A stack of an older template knows fewer systems: `queues`, by destination, are those it has.
    """

    name: str
    hint: str
    is_local: bool
    outputs: Mapping[str, str]
    client: Callable[[str], Any]
    tools: Tools
    versions: SettingsVersions
    credentials: Credentials
    queues: Mapping[str, DeliveryQueue]
    new_session: Callable[[], requests.Session] = new_session
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    @property
    def systems(self) -> tuple[System, ...]:
        """The outside systems that this stack's template knows."""
        return tuple(system for system in SYSTEMS.values() if system.secret_output in self.outputs)

    @property
    def destinations(self) -> tuple[str, ...]:
        """The destinations that have a queue in this stack."""
        return tuple(name for name in DESTINATIONS if name in self.queues)

    def credential(self, system: str) -> Credential:
        """A system's credential; an empty one until it is connected, or where the stack does not know it."""
        if system not in self.credentials.secret_ids:
            return Credential("", {})
        try:
            return self.credentials.of(system)
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return self._unread_credential(system)

    def _unread_credential(self, system: str) -> Credential:
        """What somebody who may not read secrets can know of one: that it was filled, for it has a version before."""
        secret_id = self.credentials.secret_ids[system]
        told = self.client("secretsmanager").describe_secret(SecretId=secret_id)
        stages = {stage for named in told.get("VersionIdsToStages", {}).values() for stage in named}
        return Credential("", {"url": ""} if "AWSPREVIOUS" in stages else {})

    def is_connected(self, system: str) -> bool:
        """Whether credentials of a system are stored."""
        return self.credential(system).is_complete

    def queue_of(self, destination: str) -> DeliveryQueue:
        """A destination's queue and its dead-letter queue. Raises WrongUsage where the stack has none."""
        queue = self.queues.get(destination)
        if queue is None:
            raise WrongUsage(f"Stack {self.name} has no queue to {destination}: it runs another version of GiftBridge.")
        return queue

    def destinations_named(self, name: str | None) -> tuple[str, ...]:
        """The destination of that name, however it is capitalised, or all. Raises WrongUsage."""
        if name is None:
            return self.destinations
        wanted = name.strip().lower()
        if wanted not in self.destinations:
            raise WrongUsage(f"{name!r} is no destination; choose one of {', '.join(self.destinations)}.")
        return (wanted,)

    def output(self, name: str) -> str:
        """An output of the stack's template. Raises WrongUsage."""
        value = self.outputs.get(name)
        if value is None:
            raise WrongUsage(f"Stack {self.name} has no output {name}: it runs another version of GiftBridge.")
        return value

    def operator(self) -> str:
        """Who is at work, as records will say it."""
        if self.is_local:
            return _local_user()
        arn: str = self.client("sts").get_caller_identity()["Arn"]
        return arn.split(":", 5)[-1]


OpenStack = Callable[[str | None, str | None], Stack]


def open_stack(stack_name: str | None = None, local: str | None = None) -> Stack:
    """The stack that the options name, else the environment. Raises WrongUsage, Unreachable."""
    if stack_name is None and local is None:
        stack_name = os.environ.get(STACK_NAME_VARIABLE) or None
        local = os.environ.get(LOCAL_VARIABLE) or None
    if stack_name is not None and local is not None:
        raise WrongUsage("Give either --stack-name or --local, not both.")
    if local is not None:
        return _local_stack(local)
    if stack_name is not None:
        return _deployed_stack(stack_name)
    raise WrongUsage(
        "Which stack?",
        [
            f"Give --stack-name NAME (or {STACK_NAME_VARIABLE}) for a stack in AWS,",
            f"or --local http://127.0.0.1:PORT (or {LOCAL_VARIABLE}) for one that `giftbridge local` serves.",
        ],
    )


def _deployed_stack(name: str) -> Stack:
    clients = _Clients(boto3.Session(), None)
    try:
        found = clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as refused:
        if "does not exist" not in str(refused):
            raise
        region = clients("cloudformation").meta.region_name
        raise Unreachable(
            f"There is no stack {name} in {region}.",
            ["Check the name, AWS_PROFILE and AWS_REGION; `aws cloudformation list-stacks` lists those there are."],
        ) from refused
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if _NOT_OURS not in outputs:
        raise Unreachable(f"Stack {name} is no GiftBridge stack, or its deployment never ended well.")
    return assembled(name, f"--stack-name {name}", outputs, clients, is_local=False)


def _local_stack(url: str) -> Stack:
    url = url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise WrongUsage(f"--local takes an address such as http://127.0.0.1:8080, not {url!r}.")
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(f"{url}/_local/stack", timeout=10)
        response.raise_for_status()
        told = response.json()
        endpoint_url, region, name, outputs = (told[key] for key in ("endpoint_url", "region", "stack_name", "outputs"))
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise Unreachable(
            f"No local stack answers at {url}.",
            ["Start one with `giftbridge local`; it prints `ready` and its address."],
        ) from error
    session_of_emulator = boto3.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106  the emulator takes any
        region_name=region,
    )
    return assembled(name, f"--local {url}", outputs, _Clients(session_of_emulator, endpoint_url), is_local=True)


def assembled(
    name: str,
    hint: str,
    outputs: Mapping[str, str],
    client: Callable[[str], Any],
    *,
    is_local: bool,
    surroundings: Surroundings = _THE_MACHINES_OWN,
) -> Stack:
    """The stack over the product's own parts, put together as in its functions."""
    secret_ids = {s.name: outputs[s.secret_output] for s in SYSTEMS.values() if s.secret_output in outputs}
    environment = Environment(
        crm_keys_table=outputs["CrmKeysTable"],
        deliveries_table=outputs["DeliveriesTable"],
        activity_table=outputs["ActivityTable"],
        state_table=outputs["StateTable"],
        secret_ids=secret_ids,
        queues={
            system.name: QueueUrls(outputs[system.queue_output], outputs[system.dead_letter_output])
            for system in SYSTEMS.values()
            if system.queue_output in outputs
        },
    )
    assembly = Assembly(environment, client("dynamodb"), client("sqs"), client("secretsmanager"), surroundings)
    return Stack(
        name=name,
        hint=hint,
        is_local=is_local,
        outputs=outputs,
        client=client,
        tools=assembly.tools,
        versions=SettingsVersions(client("dynamodb"), outputs["StateTable"], assembly.tools.now),
        credentials=assembly.credentials,
        queues={destination: assembly.tools_for(destination).queue for destination in environment.queues},
        new_session=surroundings.new_session,
        sleep=surroundings.sleep,
        monotonic=surroundings.monotonic,
    )


class _Clients:
    """AWS clients of one session, made when first asked for."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None) -> None:
        self._session: Any = session
        self._endpoint_url = endpoint_url
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(
                    service, endpoint_url=self._endpoint_url, config=self._config(service)
                )
            return self._made[service]

    def _config(self, service: str) -> Config:
        proxies: dict[str, Any] = {"proxies": {}} if self._endpoint_url else {}
        if service == "lambda":
            return Config(
                connect_timeout=5, read_timeout=_LONGEST_INVOCATION, retries={"total_max_attempts": 1}, **proxies
            )
        retries = {"mode": "standard", "total_max_attempts": 3}
        return Config(connect_timeout=5, read_timeout=20, retries=retries, max_pool_connections=16, **proxies)  # type: ignore[arg-type]


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
