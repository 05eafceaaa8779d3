"""Which projects of RaiseDonors are new or changed for Virtuous (requirement D4). There is no feed of projects."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from giftbridge.domain.agreed import Fields
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind
from giftbridge.domain.delivery_ids import VIRTUOUS, project_changed_id
from giftbridge.domain.donations import Project
from giftbridge.domain.virtuous_projects import project_fields
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools


class ProjectScan:
    """Compares all projects with what both sides last agreed on."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def run(self, projects: Iterable[Project], now: datetime) -> list[Delivery]:
        """Count a sighting of each project that differs; the deliveries that are now to be worked on.

        A project that was never seen is sent at once, so that its code exists before a gift names it. What somebody
        else moves meanwhile is left to the next scan.
        """
        if not self.tools.settings()[1].virtuous.sync_projects:
            return []
        sightings = [_sighting(project) for project in projects]
        # The deliveries first: one that ends meanwhile has moved what is agreed on by the time that is read.
        known = self.tools.deliveries.get_many(sighting.delivery_id for sighting in sightings)
        agreed = self.tools.agreed.get_many((sighting.entity for sighting in sightings), VIRTUOUS)
        counted = (self._count(s, known.get(s.delivery_id), agreed.get(s.entity), now) for s in sightings)
        return [delivery for delivery in counted if delivery is not None]

    def _count(
        self, sighting: ChangeSighting, known: Delivery | None, agreed: Fields | None, now: datetime
    ) -> Delivery | None:
        if known is not None and known.trouble is not None and known.trouble.cause == "switched-off":
            # It was not served: gifts are going to name its code.
            seen: Delivery | None = replace(known, seen="")
        else:
            seen = known
        after = change_for(sighting, seen, agreed, now)
        if after is None or isinstance(after, FirstSight):
            return None
        if known is None:
            new = replace(after, destination=VIRTUOUS)
            return new if self.tools.deliveries.add(new) else None
        if known.state in OPEN_STATES:
            self.tools.deliveries.count_sighting(known, sighting.mark)
            return None
        with suppress(LostRace):
            return self.tools.deliveries.save(known, after)
        return None


def _sighting(project: Project) -> ChangeSighting:
    return ChangeSighting(
        entity=f"project#{project.id}",
        delivery_id=project_changed_id(project.id),
        kind=Kind.PROJECT_CHANGED,
        donor_id=None,
        entity_id=str(project.id),
        fields=project_fields(project),
        modified_at=project.modified_at,
        is_old=True,
    )
