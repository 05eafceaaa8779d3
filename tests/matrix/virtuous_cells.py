"""Cells of the matrix with Virtuous: as the others, and staff runs the import every other minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from pytest import MonkeyPatch

from giftbridge import contact_hints
from giftbridge.contact_hints import ContactHint
from giftbridge.domain.delivery_ids import RAISEDONORS
from giftbridge.store import deliveries, delivery_rows, rows
from tests.matrix.interception import Fault, Interceptor, ProcessDied
from tests.matrix.virtuous_judgement import VirtuousGoal
from tests.virtuous_bench import VirtuousBench, virtuous_bench

MOST_TICKS = 40
# After so many minutes hours pass instead: a look-up may be due on the next day.
TICKS_OF_A_MINUTE = 30
_SECONDS, _MORE_SECONDS = 60, 6 * 3600


@dataclass(frozen=True)
class VirtuousScenario:
    """`prepare` runs before anything is watched and says what must be in the end; `act` may add to that."""

    name: str
    prepare: Callable[[VirtuousBench], VirtuousGoal]
    act: Callable[[VirtuousBench, VirtuousGoal], None]


def calls_of(scenario: VirtuousScenario) -> list[str]:
    """Every call and write of a run without faults, named with its ordinal."""
    with in_order(), virtuous_bench() as there:
        goal = scenario.prepare(there)
        interceptor = Interceptor(there.bench)
        scenario.act(there, goal)
        _until_settled(there, interceptor, goal)
        return list(interceptor.seen)


def run_cell(scenario: VirtuousScenario, call: str, fault: Fault) -> list[str]:
    """One cell: what is wrong in the end; nothing is right."""
    with in_order(), virtuous_bench() as there:
        goal = scenario.prepare(there)
        interceptor = Interceptor(there.bench, call, fault)
        scenario.act(there, goal)
        _until_settled(there, interceptor, goal)
        problems = [] if interceptor.fired == 1 else [f"the fault fired {interceptor.fired} times"]
        problems += written_once_more(there, interceptor)
        problems += goal.wrong(there)
        assert there.virtuous.check is not None
        problems += [str(violation) for violation in there.virtuous.check.violations]
        there.virtuous.check.clear()
        return problems


def _until_settled(there: VirtuousBench, interceptor: Interceptor, goal: VirtuousGoal) -> None:
    """Pickup, batch, webhooks, workers and sweep, each a process, until everything has ended as it must."""
    for tick in range(MOST_TICKS):
        play_a_minute(there, interceptor)
        if tick % 2:
            there.virtuous.run_import()
        there.bench.clock.advance(_SECONDS if tick < TICKS_OF_A_MINUTE else _MORE_SECONDS)
        if goal.is_reached(there):
            return


def play_a_minute(there: VirtuousBench, interceptor: Interceptor) -> None:
    parts: list[Callable[[], object]] = [there.bench.pickup, there.plan, there.drain]
    parts += [lambda: there.virtuous.sender.deliver_due(_post(there, interceptor)), there.drain]
    parts += [lambda: there.net(is_requested=False), there.sweep, there.drain]
    for part in parts:
        interceptor.restart()
        try:
            part()
        except ProcessDied:
            continue
        except Exception as error:
            assert interceptor.fired, error
    interceptor.restart()


def _post(there: VirtuousBench, interceptor: Interceptor) -> Callable[[str, dict[str, str], bytes], int]:
    """Each webhook is taken in by a process of its own; what was not answered is sent again."""

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        try:
            return there.post(url, headers, body)
        except ProcessDied:
            return 0
        except Exception as error:
            assert interceptor.fired, error
            return 503
        finally:
            interceptor.restart()

    return post


def written_once_more(there: VirtuousBench, interceptor: Interceptor) -> list[str]:
    """What is written when everything is seen once more, although nothing changed: that must be nothing."""
    before, rows_before = len(interceptor.written), len(there.virtuous.store.rows)
    hint = ContactHint(tuple(there.virtuous.store.contacts), (), there.bench.clock())
    interceptor.restart()
    contact_hints.send(there.bench.sqs, there.queues[RAISEDONORS][0], hint)
    there.net()
    there.drain()
    play_a_minute(there, interceptor)
    again = interceptor.written[before:]
    problems = [f"written once more: {again}"] if again else []
    return problems if len(there.virtuous.store.rows) == rows_before else [*problems, "a row was held once more"]


@contextmanager
def in_order() -> Iterator[None]:
    """What runs side by side has one thread: the n-th call of a name is the same in every run.

    The index of open deliveries has one partition: it is asked for all of them several times in each minute.
    """
    with MonkeyPatch.context() as patch:
        patch.setattr(rows, "ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))
        patch.setattr(deliveries, "SHARDS", 1)
        patch.setattr(delivery_rows, "SHARDS", 1)
        yield
