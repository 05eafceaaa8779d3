"""The carrier of Virtuous: rows for the import tool, reversals, projects."""

from __future__ import annotations

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.deliveries import Kind
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.flows.key_mirror import KeyMirror
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_imports import VirtuousImports
from giftbridge.flows.virtuous_landing import VirtuousLanding
from giftbridge.flows.virtuous_projects import VirtuousProjects
from giftbridge.flows.virtuous_refunds import VirtuousRefunds
from giftbridge.flows.virtuous_rows import VirtuousRows
from giftbridge.flows.work import Work, not_for


class VirtuousDelivery:
    """Each kind goes its own way."""

    destination = VIRTUOUS
    systems: tuple[str, ...] = (VIRTUOUS, RAISEDONORS)

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.virtuous = virtuous
        self.raisedonors = raisedonors
        self.imports = VirtuousImports(tools, virtuous, VirtuousRows(tools, raisedonors, virtuous))
        self.landing = VirtuousLanding(tools, virtuous)
        self.refunds = VirtuousRefunds(tools, raisedonors, virtuous)
        self.projects = VirtuousProjects(tools, raisedonors, virtuous)
        self.keys_on_raisedonors = KeyMirror(tools, raisedonors)

    def carry(self, work: Work) -> None:
        """Bring the change to Virtuous."""
        match work.delivery.kind:
            case Kind.IMPORT_CHUNK:
                self.imports.carry_chunk(work)
            case Kind.DONATION_CREATED | Kind.DONOR_UPDATED:
                self.imports.carry_alone(work)
            case Kind.DONATION_REFUNDED:
                self.refunds.carry(work)
            case Kind.PROJECT_CHANGED:
                self.projects.carry(work)
            case _:
                raise not_for(self.destination, work.delivery.kind)

    def probe(self, work: Work) -> None:
        """Look whether the lost request landed."""
        match work.delivery.kind:
            case Kind.DONATION_REFUNDED:
                self.refunds.probe(work)
            case Kind.PROJECT_CHANGED:
                self.projects.probe(work)
            case _:
                self.imports.probe(work)

    def follow(self, work: Work) -> None:
        """Look up whether a held row has landed."""
        self.landing.follow(work)

    def mirror(self, work: Work) -> None:
        """Store keys on RaiseDonors."""
        self.keys_on_raisedonors.store(work)

    def ping(self, system: str) -> None:
        """A harmless read."""
        if system == self.destination:
            self.virtuous.ping()
        else:
            self.raisedonors.ping()
