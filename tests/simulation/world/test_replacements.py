"""What was saved over in the moment after a last look: that, and nothing else, is excused."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.simulators.raisedonors_store import RaiseDonorsStore
from tests.simulation.clock.scheduler import Scheduler
from tests.simulation.judge.excuses import Excuses, Overwritten
from tests.simulation.world.replacements import Replacement, Replacements

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
SCHEDULE = "/api/RecurringGift/7"


def test_a_save_is_noted_with_its_callers_last_look() -> None:
    scheduler = Scheduler(BEGIN)
    replacements = Replacements(scheduler)
    replacements.carried_out("raisedonors", "GET", SCHEDULE, None, None)
    look = replacements.last_look("raisedonors")
    replacements.carried_out("raisedonors", "GET", "/api/RecurringGift/8", None, None)
    replacements.carried_out("raisedonors", "PUT", SCHEDULE, b"{}", None)
    assert replacements.made == []  # it read something else in between
    scheduler.run(30)
    replacements.carried_out("raisedonors", "PUT", SCHEDULE, b"{}", look)
    assert replacements.made == [Replacement("schedule 7", 0, 30)]


def test_only_members_that_were_changed_in_that_moment_are_excused() -> None:
    excuses = Excuses(
        RaiseDonorsStore(lambda: BEGIN), [], overwritten=[Overwritten("partner 1", frozenset({"WorkPhone"}))]
    )
    assert excuses.is_overwritten("partner 1", {"WorkPhone"})
    assert not excuses.is_overwritten("partner 1", {"WorkPhone", "City"})
    assert not excuses.is_overwritten("partner 2", {"WorkPhone"})
