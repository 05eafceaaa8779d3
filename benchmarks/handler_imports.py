"""How long each built function takes to start: fresh interpreters, medians, as a ratio to boto3 with a DynamoDB client.

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
FUNCTIONS = (
    "DonationPickupFunction",
    "DeliverySweepFunction",
    "AegisDeliveryFunction",
    "NoticeMailFunction",
    "DonorHistoryFunction",
    "RaiseDonorsHintFunction",
)
YARDSTICK = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    **{f"{table}_TABLE": table for table in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE")},
    "AEGIS_QUEUE_URL": "http://127.0.0.1/q",
    "AEGIS_DLQ_URL": "http://127.0.0.1/d",
    "RAISEDONORS_SECRET": "r",
    "AEGIS_SECRET": "a",
}


def median_seconds(statement: str, path: list[Path]) -> float:
    """The median of fresh interpreters that run one statement."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, path))}
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], env=environment, check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Print the table."""
    build = local_build()
    layer = build.code("SharedLayer") / "python"
    bare = median_seconds("pass", [])
    yardstick = median_seconds(YARDSTICK, [])
    print(f"bare interpreter {bare * 1000:.0f} ms; boto3 and a DynamoDB client {yardstick * 1000:.0f} ms")
    for function in FUNCTIONS:
        took = median_seconds("import handler", [build.code(function), layer])
        print(f"{function}: {took * 1000:.0f} ms, {took / yardstick:.2f} times boto3 with a client")


if __name__ == "__main__":
    main()
