"""All mutations, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.mutations import calls, claims, feeds, keys, refunds, rows, sweeps, unknown_outcomes
from tests.simulation.mutations.mutation import Mutation

MUTATIONS: Mapping[str, Mutation] = {
    mutation.name: mutation
    for module in (unknown_outcomes, claims, keys, refunds, feeds, sweeps, rows, calls)
    for mutation in module.MUTATIONS
}
