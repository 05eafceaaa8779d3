"""5,000 failed deliveries retried as one run within a rate budget, then a tenth of them with a cancel halfway.

The real run, worker, sweep and clients on the mocked AWS and simulators, on a clock that moves by itself: an hour's
budget needs no hour. Prints planned and executed, the calls of the busiest hour against the limit, and how long after
the cancel the last call was made. Exit code 1 when planned and executed differ, or the budget is exceeded.

Run: .venv/bin/python -m benchmarks.retry_storm [DELIVERIES] [PER_HOUR]
"""

from __future__ import annotations

import sys
import time

from ops.operating import retry_runs
from ops.operating.retry_runs import Outcome
from tests.command.desk import desk
from tests.command.retry_storm import Storm
from tests.memory_aws import install

DELIVERIES, PER_HOUR = 5000, 20_000


def main() -> int:
    """Run both and print the figures."""
    install()
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES
    per_hour = int(sys.argv[2]) if len(sys.argv) > 2 else PER_HOUR
    is_well = _whole(number, per_hour)
    return 0 if _cancelled(number // 10, per_hour) and is_well else 1


def _whole(number: int, per_hour: int) -> bool:
    with desk() as at:
        at.connect_both()
        storm = Storm(at, number)
        storm.begin(per_hour)
        began = time.monotonic()
        plan = storm.plan()
        print(f"plan of {len(plan.to_do)}: {time.monotonic() - began:.1f} s", flush=True)
        late = storm.fail_one()
        run_id = retry_runs.start(storm.stack, plan, "benchmark")
        shown = began = time.monotonic()
        for progress in storm.follow(run_id):
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"  {shown - began:.0f} s: {progress.run.settled} of {number}", flush=True)
        planned = {item.delivery.id for item in plan.to_do}
        executed = set(storm.reopened())
        took = (storm.calls[-1] - storm.calls[0]).total_seconds() / 3600
        busiest = storm.busiest_hour()
        # Of a set limit a tenth may be called at once, half of which is left to live work.
        allowed = 0.05 * per_hour + 0.9 * per_hour * took
        print(f"planned {len(planned)}, executed {len(executed)}, the same: {planned == executed}")
        print(
            f"reopened more than once: {sum(count > 1 for count in storm.reopened().values())}; {progress.run.counts}"
        )
        print(f"failed after the plan, left alone: {at.bench.tools.deliveries.get(late.id) == late}")
        print(f"{len(storm.calls)} calls in {took:.2f} h; {len(storm.calls) / allowed:.1%} of what the budget gave")
        print(f"busiest hour {busiest} calls, limit {per_hour}; most under way {storm.most_under_way}")
        return planned == executed and busiest <= per_hour * 1.05


def _cancelled(number: int, per_hour: int) -> bool:
    with desk() as at:
        at.connect_both()
        storm = Storm(at, number)
        storm.begin(per_hour)
        run_id = retry_runs.start(storm.stack, storm.plan(), "benchmark")
        shift = storm.follow(run_id)
        for progress in shift:
            if progress.run.settled >= number // 2:
                break
        retry_runs.cancel(storm.stack, run_id, "benchmark")
        cancelled_at, calls, began = at.bench.clock(), len(storm.calls), time.monotonic()
        *_, progress = shift
        ended, took = (at.bench.clock() - cancelled_at).total_seconds(), time.monotonic() - began
        storm.pass_time(61)
        storm.pass_time(61)
        after = storm.calls[calls:]
        last = (after[-1] - cancelled_at).total_seconds() if after else 0.0
        counts = progress.run.counts
        print(f"cancelled at {number // 2} of {number}: {dict(counts)}")
        print(f"calls after the cancel: {len(after)}, the last after {last:.1f} s; over after {ended:.1f} s")
        print(f"which took {took:.1f} s here; states {dict(storm.states())}")
        return counts.get(Outcome.CANCELLED, 0) > 0 and last < 10


if __name__ == "__main__":
    sys.exit(main())
