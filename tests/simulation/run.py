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
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from tests.simulation.judge.verdict import SORTS
from tests.simulation.mutations.catalogue import MUTATIONS
from tests.simulation.mutations.mutation import WITHIN, Mutation, applied
from tests.simulation.shrinking.shrinking import SECONDS, Case, shrunk, sort_of
from tests.simulation.shrinking.story import story
from tests.simulation.world.weather import KINDS
from tests.simulation.world.world import Outcome

_SEEDS, _DONATIONS = 20, 100


@dataclass(frozen=True, slots=True)
class Played:
    """What a world came to, its lines where they are wanted, and the CPU seconds that it took.

    `is_told_apart` is False where a guard was out and the world fails with the guard in its place, too.
    """

    case: Case
    outcome: Outcome
    lines: list[str]
    seconds: float
    is_told_apart: bool = True


def main(arguments: list[str] | None = None) -> int:
    """Play seeds; 0 only if nothing is wrong in any of them."""
    logging.disable(logging.CRITICAL)
    try:
        options = _options(arguments)
        if options.mutations:
            print(*MUTATIONS, sep="\n")
            return 0
        return _simulate(options)
    finally:
        logging.disable(logging.NOTSET)


def _simulate(options: argparse.Namespace) -> int:
    mutation: Mutation | None = options.mutation
    outcomes: list[Outcome] = []
    cpu_seconds = 0.0
    with closing(_played(options)) as worlds:
        for played in worlds:
            cpu_seconds += played.seconds
            if not played.is_told_apart:
                print(f"seed {played.case.seed}: passed over, it fails with the guard in its place, too", flush=True)
                continue
            outcomes.append(played.outcome)
            _tell(played, options)
            is_failed = not played.outcome.verdict.is_clean
            if is_failed and options.shrink and mutation is None:
                _shrink(played)
            if is_failed and mutation is not None:
                break
    if mutation is not None:
        _tell_mutation(mutation, outcomes)
    _summarise(outcomes, cpu_seconds)
    return 0 if all(outcome.verdict.is_clean for outcome in outcomes) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate ARGS=", description=__doc__)
    parser.add_argument("--seeds", type=int, help=f"how many seeds ({_SEEDS}; with --mutate at most {WITHIN})")
    parser.add_argument(
        "--donations", type=int, help=f"how many donations in each world ({_DONATIONS}; with --mutate what that needs)"
    )
    parser.add_argument("--from", type=int, default=1, dest="seed_from", help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many worlds at a time, each in a process (1)")
    parser.add_argument("--trace", action="store_true", help="print every line of every world")
    parser.add_argument(
        "--without", type=_kinds, metavar="KIND,...", help=f"leave weather out: {', '.join(KINDS)}, or all"
    )
    parser.add_argument(
        "--with", type=_kinds, default=(), dest="forced", metavar="KIND,...", help="weather that every seed has"
    )
    parser.add_argument(
        "--acts",
        type=_acts,
        metavar="NUMBER,...",
        help="of what people do only these acts, as a shrunk seed names them",
    )
    parser.add_argument(
        "--no-shrink", action="store_false", dest="shrink", help=f"do not spend {SECONDS:.0f} s on each seed that fails"
    )
    parser.add_argument(
        "--mutate",
        type=_mutation,
        dest="mutation",
        metavar="NAME",
        help="take a guard of the product out, and play until a seed shows it: ends with 1 when one does",
    )
    parser.add_argument("--mutations", action="store_true", help="print the names that --mutate takes")
    options = parser.parse_args(arguments)
    mutation: Mutation | None = options.mutation
    if options.seeds is None:
        options.seeds = WITHIN if mutation is not None else _SEEDS
    if options.donations is None:
        options.donations = mutation.donations if mutation is not None else _DONATIONS
    if options.without is None:
        options.without = mutation.without if mutation is not None else ()
    return options


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(KINDS) if text == "all" else tuple(text.split(","))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such weather: {', '.join(unknown)}; known are {', '.join(KINDS)}, all")
    return kinds


def _acts(text: str) -> tuple[int, ...]:
    try:
        return () if text == "none" else tuple(sorted({int(number) for number in text.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 3,17,20, nor none") from None


def _mutation(name: str) -> Mutation:
    if name not in MUTATIONS:
        raise argparse.ArgumentTypeError(f"no such mutation: {name}; --mutations prints their names")
    return MUTATIONS[name]


def _played(options: argparse.Namespace) -> Iterator[Played]:
    """The worlds one after the other, in the order of their seeds."""
    name = options.mutation.name if options.mutation is not None else None
    play = partial(_play, mutation=name, keeps_trace=options.trace)
    seeds = range(options.seed_from, options.seed_from + options.seeds)
    cases = [Case(seed, options.donations, options.without, options.acts, options.forced) for seed in seeds]
    if options.jobs <= 1:
        yield from map(play, cases)
        return
    with get_context("spawn").Pool(min(options.jobs, os.cpu_count() or 1, len(cases))) as pool:
        yield from pool.imap(play, cases)


def _play(case: Case, *, mutation: str | None, keeps_trace: bool) -> Played:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    with applied(MUTATIONS[mutation] if mutation is not None else None):
        world = case.world(keeps_trace=keeps_trace)
        outcome = world.run()
    is_told_apart = mutation is None or outcome.verdict.is_clean or case.world().run().verdict.is_clean
    lines = (
        [*(f"weather: {line}" for line in world.weather.told()), *map(str, world.trace.lines)] if keeps_trace else []
    )
    return Played(case, outcome, lines, time.process_time() - began, is_told_apart)


def _tell(played: Played, options: argparse.Namespace) -> None:
    """A line for a seed, and what is wrong with one that failed."""
    outcome = played.outcome
    verdict = outcome.verdict
    for line in played.lines:
        print(line)
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
        mutate = f"--mutate {options.mutation.name} " if options.mutation is not None else ""
        print(f'    again: make simulate ARGS="{mutate}{played.case.arguments} --trace"', flush=True)
    if options.seeds == 1:
        print(f"    weather struck: {dict(sorted(outcome.struck.items()))}")
        print(f"    invocations that ended in an error: {dict(sorted(outcome.errors.items()))}")


def _shrink(played: Played) -> None:
    """Tell the shortest story of a failure."""
    sort = sort_of(played.outcome.verdict)
    assert sort is not None
    least = shrunk(played.case, sort, say=lambda text: print(f"    {text}", flush=True))
    world = least.world(keeps_trace=True)
    for line in story(least, world, world.run().verdict):
        print(f"    {line}")
    print(f'    shrunk: make simulate ARGS="{least.arguments} --trace"', flush=True)


def _tell_mutation(mutation: Mutation, outcomes: list[Outcome]) -> None:
    """Whether the guard that was out was missed."""
    print(f"mutation {mutation.name}: {mutation.weakens}")
    verdict = outcomes[-1].verdict if outcomes else None
    if verdict is None or verdict.is_clean:
        print(f"    NOT noticed in {len(outcomes)} seeds")
    else:
        said = [*verdict.sentences(), f"{verdict.cents} cents differ"][0]
        print(f"    noticed at seed {outcomes[-1].seed}, the {len(outcomes)}. that was played, by: {said}")


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
