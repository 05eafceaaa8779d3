"""`make simulate`: so many seeds, one world each, and what they came to."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context

from tests.simulation.judge.verdict import SORTS
from tests.simulation.world.weather import KINDS
from tests.simulation.world.world import Outcome, World

Played = tuple[Outcome, list[str], float]
"""What a world came to, its lines where they are wanted, and the CPU seconds that it took."""


def main(arguments: list[str] | None = None) -> int:
    """Play seeds; 0 only if nothing is wrong in any of them."""
    options = _options(arguments)
    outcomes: list[Outcome] = []
    cpu_seconds = 0.0
    for outcome, lines, seconds in _played(options):
        cpu_seconds += seconds
        outcomes.append(outcome)
        for line in lines:
            print(line)
        _tell(outcome, options)
    _summarise(outcomes, cpu_seconds)
    return 0 if all(outcome.verdict.is_clean for outcome in outcomes) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate ARGS=", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (20)")
    parser.add_argument("--donations", type=int, default=100, help="how many donations in each world (100)")
    parser.add_argument("--from", type=int, default=1, dest="seed_from", help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many worlds at a time, each in a process (1)")
    parser.add_argument("--trace", action="store_true", help="print every line of every world")
    parser.add_argument(
        "--without", type=_kinds, default=(), metavar="KIND,...", help=f"leave weather out: {', '.join(KINDS)}, or all"
    )
    parser.add_argument(
        "--with", type=_kinds, default=(), dest="forced", metavar="KIND,...", help="weather that every seed has"
    )
    return parser.parse_args(arguments)


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(KINDS) if text == "all" else tuple(text.split(","))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such weather: {', '.join(unknown)}; known are {', '.join(KINDS)}, all")
    return kinds


def _played(options: argparse.Namespace) -> Iterator[Played]:
    """The worlds one after the other, in the order of their seeds."""
    kinds = {"without": options.without, "forced": options.forced}
    play = partial(_play, donations=options.donations, keeps_trace=options.trace, **kinds)
    seeds = range(options.seed_from, options.seed_from + options.seeds)
    if options.jobs <= 1:
        yield from map(play, seeds)
        return
    with get_context("spawn").Pool(min(options.jobs, os.cpu_count() or 1, len(seeds))) as pool:
        yield from pool.imap(play, seeds)


def _play(seed: int, *, donations: int, without: tuple[str, ...], forced: tuple[str, ...], keeps_trace: bool) -> Played:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    world = World(seed, donations, without, forced, keeps_trace=keeps_trace)
    outcome = world.run()
    lines = [*(f"weather: {line}" for line in world.weather.told()), *world.trace.lines] if keeps_trace else []
    return outcome, lines, time.process_time() - began


def _tell(outcome: Outcome, options: argparse.Namespace) -> None:
    """A line for a seed, and what is wrong with one that failed."""
    verdict = outcome.verdict
    print(
        f"seed {outcome.seed}: {outcome.donations} donations, {outcome.faults} faults, {outcome.deaths} deaths, "
        f"{verdict.waiting.total()} wait for a person, trace {outcome.digest[:16]}"
        f"{'' if verdict.is_clean else ' FAILED'}",
        flush=True,
    )
    if not verdict.is_clean:
        for sentence in verdict.sentences():
            print(f"    {sentence}")
        if verdict.cents:
            print(f"    {verdict.cents} cents differ")
        without = f" --without {','.join(options.without)}" if options.without else ""
        without += f" --with {','.join(options.forced)}" if options.forced else ""
        again = f"--seeds 1 --donations {options.donations} --from {outcome.seed}{without} --trace"
        print(f'    again: make simulate ARGS="{again}"', flush=True)
    if options.seeds == 1:
        print(f"    weather struck: {dict(sorted(outcome.struck.items()))}")
        print(f"    invocations that ended in an error: {dict(sorted(outcome.errors.items()))}")


def _summarise(outcomes: list[Outcome], cpu_seconds: float) -> None:
    counts: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for outcome in outcomes:
        verdict = outcome.verdict
        counts["donations"] += outcome.donations
        counts["faults"] += outcome.faults
        counts["deaths"] += outcome.deaths
        waiting.update(verdict.waiting)
        for sort in SORTS:
            value = getattr(verdict, sort)
            counts[sort] += value if isinstance(value, int) else len(value)
        # What is wrong in another way is nothing that anybody could explain.
        counts["unexplained"] += len(verdict.wrong)
    failed = [outcome.seed for outcome in outcomes if not outcome.verdict.is_clean]
    each = 1000 * cpu_seconds / max(1, counts["donations"])
    print(
        f"{len(outcomes)} seeds, {counts['donations']} donations, {counts['faults']} faults, "
        f"{counts['deaths']} deaths, {waiting.total()} wait for a person; "
        f"{cpu_seconds:.1f} CPU seconds, {each:.1f} ms a donation"
    )
    for cause, count in waiting.most_common():
        print(f"    {count} x {cause}")
    names = ("donations", "faults", "deaths", *SORTS)
    print(json.dumps({"seeds": len(outcomes), **{name: counts[name] for name in names}, "failed_seeds": failed}))


if __name__ == "__main__":
    sys.exit(main())
