"""What a tally found: counts and money on both sides, and every difference by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

DIFFERENCES = {
    "missing": "is missing in Aegis",
    "doubled": "is doubled in Aegis",
    "wrong_amount": "has a wrong amount",
    "wrong_fund": "went to wrong funds",
    "wrong_donor": "names a wrong donor",
    "wrong_partner": "went to a wrong partner",
    "foreign": "should not be in Aegis",
    "missing_refunds": "has no refund in Aegis",
    "doubled_refunds": "has too many refunds in Aegis",
    "doubled_partners": "is two partners in Aegis",
    "doubled_pledges": "has doubled pledges in Aegis",
    "hazards": "was applied to a pledge that nobody named",
    "lost_pledges": "has no active pledge in Aegis",
    "open_pledges": "has a pledge left active in Aegis",
    "stale_pledges": "has a pledge that differs in Aegis",
    "stale_partners": "has a partner that differs in Aegis",
    "spoilt_records": "lost what is not ours in Aegis",
    "missing_notes": "is missing in Aegis as a note",
    "doubled_notes": "is doubled in Aegis as a note",
    "overwritten_schedules": "was overwritten on RaiseDonors",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: the gift it is about, if any, the invoice numbers concerned, and what is wrong."""

    gift_id: int | None
    invoice_numbers: tuple[int, ...]
    detail: str
    subject: str = "record"
    """What it is about, where it is about no gift."""

    def describe(self) -> str:
        """The finding in one line."""
        subject = f"gift {self.gift_id}" if self.gift_id is not None else self.subject
        invoices = f" (invoice {', '.join(map(str, self.invoice_numbers))})" if self.invoice_numbers else ""
        return f"{subject}{invoices}: {self.detail}"


@dataclass(slots=True)
class Sides:
    """An amount of money on both sides."""

    raisedonors: Decimal = Decimal(0)
    aegis: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        """What Aegis has more."""
        return self.aegis - self.raisedonors


@dataclass(slots=True)
class Tally:
    """The result of a tally.

    `by_fund` and `by_donor` cover the expected gifts alone. The nets cover every transaction that ought to be there:
    what came in, less what was given back.
    """

    expected_count: int = 0
    found_count: int = 0
    raisedonors_total: Decimal = Decimal(0)
    aegis_total: Decimal = Decimal(0)
    refunds_expected: int = 0
    refunds_found: int = 0
    by_fund: dict[str, Sides] = field(default_factory=dict)
    by_donor: dict[int | None, Sides] = field(default_factory=dict)
    net_by_fund: dict[str, Sides] = field(default_factory=dict)
    net_by_donor: dict[int | None, Sides] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """How many records of each kind were compared."""
    missing: list[Finding] = field(default_factory=list)
    doubled: list[Finding] = field(default_factory=list)
    wrong_amount: list[Finding] = field(default_factory=list)
    wrong_fund: list[Finding] = field(default_factory=list)
    wrong_donor: list[Finding] = field(default_factory=list)
    wrong_partner: list[Finding] = field(default_factory=list)
    foreign: list[Finding] = field(default_factory=list)
    missing_refunds: list[Finding] = field(default_factory=list)
    doubled_refunds: list[Finding] = field(default_factory=list)
    doubled_partners: list[Finding] = field(default_factory=list)
    doubled_pledges: list[Finding] = field(default_factory=list)
    hazards: list[Finding] = field(default_factory=list)
    lost_pledges: list[Finding] = field(default_factory=list)
    open_pledges: list[Finding] = field(default_factory=list)
    stale_pledges: list[Finding] = field(default_factory=list)
    stale_partners: list[Finding] = field(default_factory=list)
    spoilt_records: list[Finding] = field(default_factory=list)
    missing_notes: list[Finding] = field(default_factory=list)
    doubled_notes: list[Finding] = field(default_factory=list)
    overwritten_schedules: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether both sides agree in every respect."""
        nets = (*self.net_by_fund.values(), *self.net_by_donor.values())
        return not any(getattr(self, name) for name in DIFFERENCES) and not any(net.difference for net in nets)

    def fund_sides(self, fund: str) -> Sides:
        """The money of one fund on both sides."""
        return self.by_fund.setdefault(fund, Sides())

    def donor_sides(self, donor_id: int | None) -> Sides:
        """The money of one donor on both sides."""
        return self.by_donor.setdefault(donor_id, Sides())

    def add_net(
        self, donor_id: int | None, shares: Mapping[str, Decimal], *, raisedonors: int = 0, aegis: int = 0
    ) -> None:
        """Count shares of funds into the nets, so many times on each side; a minus sign gives them back."""
        nets = [self.net_by_donor.setdefault(donor_id, Sides())] * len(shares)
        nets += [self.net_by_fund.setdefault(fund, Sides()) for fund in shares]
        for net, share in zip(nets, [*shares.values(), *shares.values()], strict=True):
            net.raisedonors += raisedonors * share
            net.aegis += aegis * share

    def describe(self) -> list[str]:
        """The result in readable lines, the differences one by one."""
        lines = [
            f"gifts expected {self.expected_count}, found {self.found_count}",
            f"money on RaiseDonors {self.raisedonors_total:.2f}, in Aegis {self.aegis_total:.2f}, "
            f"difference {self.aegis_total - self.raisedonors_total:.2f}",
            f"refunds expected {self.refunds_expected}, found {self.refunds_found}",
        ]
        for fund, sides in sorted(self.by_fund.items()):
            if sides.difference:
                lines.append(f"fund {fund}: {sides.raisedonors:.2f} on RaiseDonors, {sides.aegis:.2f} in Aegis")
        for what, nets in (("fund", self.net_by_fund), ("donor", self.net_by_donor)):
            lines += [
                f"net of {what} {key}: {net.raisedonors:.2f} on RaiseDonors, {net.aegis:.2f} in Aegis"
                for key, net in sorted(nets.items(), key=lambda pair: str(pair[0]))
                if net.difference
            ]
        for name, meaning in DIFFERENCES.items():
            lines += [f"{meaning}: {finding.describe()}" for finding in getattr(self, name)]
        return [*lines, "both sides agree" if self.clean else "THE SIDES DIFFER"]
