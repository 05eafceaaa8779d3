"""`make simulate`: so many seeds, one world each, and what they came to."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import Counter

from tests.simulation.judge.verdict import SORTS
from tests.simulation.world.weather import KINDS
from tests.simulation.world.world import Outcome, World


def main(arguments: list[str] | None = None) -> int:
    """Play seeds; 0 only if nothing is wrong in any of them."""
    options = _options(arguments)
    logging.disable(logging.CRITICAL)
    outcomes: list[Outcome] = []
    began = time.process_time()
    for seed in range(options.seed_from, options.seed_from + options.seeds):
        world = World(seed, options.donations, options.without, keeps_trace=options.trace)
        outcome = world.run()
        outcomes.append(outcome)
        if options.trace:
            print("\n".join([f"weather: {line}" for line in world.weather.told()] + world.trace.lines))
        _tell(outcome, world, options.seeds)
    _summarise(outcomes, time.process_time() - began)
    return 0 if all(outcome.verdict.is_clean for outcome in outcomes) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate ARGS=", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (20)")
    parser.add_argument("--donations", type=int, default=100, help="how many donations in each world (100)")
    parser.add_argument("--from", type=int, default=1, dest="seed_from", help="the first seed (1)")
    parser.add_argument("--trace", action="store_true", help="print every line of every world")
    parser.add_argument(
        "--without", type=_kinds, default=(), metavar="KIND,...", help=f"leave weather out: {', '.join(KINDS)}"
    )
    return parser.parse_args(arguments)


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(KINDS) if text == "all" else tuple(text.split(","))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such weather: {', '.join(unknown)}; known are {', '.join(KINDS)}, all")
    return kinds


def _tell(outcome: Outcome, world: World, seeds: int) -> None:
    """A line for a seed, and the whole story of one that failed."""
    verdict = outcome.verdict
    sys.stdout.write(
        f"seed {outcome.seed}: {outcome.donations} donations, {outcome.faults} faults, {outcome.deaths} deaths, "
        f"{verdict.waiting.total()} wait for a person, trace {outcome.digest[:16]}"
        f"{'' if verdict.is_clean else ' FAILED'}\n"
    )
    if not verdict.is_clean:
        for sentence in verdict.sentences():
            sys.stdout.write(f"    {sentence}\n")
        if verdict.cents:
            sys.stdout.write(f"    {verdict.cents} cents differ\n")
        sys.stdout.write(f'    again: make simulate ARGS="--seeds 1 --donations {outcome.donations} --from ')
        sys.stdout.write(f'{outcome.seed} --trace"\n')
    if seeds == 1:
        sys.stdout.write(f"    weather struck: {dict(sorted(world.weather.struck.items()))}\n")
        sys.stdout.write(f"    invocations that ended in an error: {dict(sorted(world.machine.errors.items()))}\n")
    sys.stdout.flush()


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
