"""How long each built function takes to start: fresh interpreters, medians, as a ratio to boto3 with a DynamoDB client.

Of Virtuous' webhook, for which a stranger waits, also as a ratio to the bare interpreter, and what a request costs it
once it runs: everything but the network, with AWS answering at once.

Run: .venv/bin/python -m benchmarks.handler_imports
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from ops.local_stack.build import local_build

RUNS = 20
WEBHOOK = "ContactWebhookFunction"
FUNCTIONS = (
    "DonationPickupFunction",
    "DeliverySweepFunction",
    "AegisDeliveryFunction",
    "VirtuousDeliveryFunction",
    "RaiseDonorsDeliveryFunction",
    "DailyBatchFunction",
    "NoticeMailFunction",
    "DonorHistoryFunction",
    "RaiseDonorsHintFunction",
    WEBHOOK,
)
YARDSTICK = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    **{f"{table}_TABLE": table for table in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE")},
    **{f"{name}_QUEUE_URL": "http://127.0.0.1/q" for name in ("AEGIS", "VIRTUOUS", "RAISEDONORS")},
    **{f"{name}_DLQ_URL": "http://127.0.0.1/d" for name in ("AEGIS", "VIRTUOUS", "RAISEDONORS")},
    **{f"{name}_SECRET": "s" for name in ("RAISEDONORS", "AEGIS", "VIRTUOUS")},
}
# AWS answers without a network: the request is built and signed, the answer read, and nothing waits.
WARM = """
import base64, hashlib, hmac, io, json, statistics, sys, time
import handler
from botocore.awsrequest import AWSResponse

ANSWERS = {
    "GetSecretValue": {"SecretString": json.dumps({"webhook_secret": "secret"})},
    "GetItem": {"Item": {"document": {"S": json.dumps({"virtuous": {"enabled": True}})}}},
    "SendMessage": {"MessageId": "m", "SequenceNumber": "1"},
}

class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.getvalue()

def answer(request, **_):
    operation = request.headers["X-Amz-Target"].decode().split(".")[-1]
    content = json.dumps(ANSWERS[operation]).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(content))}
    return AWSResponse(request.url, 200, headers, Raw(content))

for client in (handler.assembly.sqs, handler.assembly.secrets_client, handler.assembly.dynamodb):
    client.meta.events.register("before-send.*.*", answer)

def event(count):
    models = [{"contact": {"id": number, "name": "Imani Vance"}} for number in range(1, count + 1)]
    body = json.dumps({"event": "ContactUpdate", "models": models})
    digest = hmac.new(b"secret", body.encode(), hashlib.sha256).digest()
    return {"headers": {"x-virtuous-signature": base64.b64encode(digest).decode()}, "body": body}

for count, runs in ((1, 1000), (3000, 50)):
    asked, took = event(count), []
    for _ in range(runs):
        began = time.perf_counter()
        assert handler.lambda_handler(asked, None)["statusCode"] == 200
        took.append(time.perf_counter() - began)
    print(f"  a warm request that names {count} contacts: {statistics.median(took) * 1e6:.0f} us")
forged, took = event(1) | {"headers": {}}, []
for _ in range(1000):
    began = time.perf_counter()
    assert handler.lambda_handler(forged, None)["statusCode"] == 401
    took.append(time.perf_counter() - began)
print(f"  a warm request that is forged: {statistics.median(took) * 1e6:.0f} us")
"""


def median_seconds(statement: str, path: list[Path]) -> float:
    """The median of fresh interpreters that run one statement."""
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run(statement, path)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def run(statement: str, path: list[Path]) -> None:
    """Run one statement in a fresh interpreter."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, path))}
    subprocess.run([sys.executable, "-c", statement], env=environment, check=True)


def main() -> None:
    """Print the table."""
    build = local_build()
    layer = build.code("SharedLayer") / "python"
    bare = median_seconds("pass", [])
    yardstick = median_seconds(YARDSTICK, [])
    print(f"bare interpreter {bare * 1000:.0f} ms; boto3 and a DynamoDB client {yardstick * 1000:.0f} ms")
    for function in FUNCTIONS:
        took = median_seconds("import handler", [build.code(function), layer])
        beside = f", {took / bare:.1f} times the bare interpreter" if function == WEBHOOK else ""
        print(f"{function}: {took * 1000:.0f} ms, {took / yardstick:.2f} times boto3 with a client{beside}", flush=True)
    run(WARM, [build.code(WEBHOOK), layer])


if __name__ == "__main__":
    main()
