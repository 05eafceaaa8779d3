"""What a tally found: counts and money on both sides, and every difference by name."""

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
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: the gift it is about, if any, the invoice numbers concerned, and what is wrong."""

    gift_id: int | None
    invoice_numbers: tuple[int, ...]
    detail: str

    def describe(self) -> str:
        """The finding in one line."""
        subject = f"gift {self.gift_id}" if self.gift_id is not None else "record"
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
    """The result of a tally. Money covers the expected gifts; refunds are counted beside it."""

    expected_count: int = 0
    found_count: int = 0
    raisedonors_total: Decimal = Decimal(0)
    aegis_total: Decimal = Decimal(0)
    refunds_expected: int = 0
    refunds_found: int = 0
    by_fund: dict[str, Sides] = field(default_factory=dict)
    by_donor: dict[int | None, Sides] = field(default_factory=dict)
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

    @property
    def clean(self) -> bool:
        """Whether both sides agree in every respect."""
        return not any(getattr(self, name) for name in DIFFERENCES)

    def fund_sides(self, fund: str) -> Sides:
        """The money of one fund on both sides."""
        return self.by_fund.setdefault(fund, Sides())

    def donor_sides(self, donor_id: int | None) -> Sides:
        """The money of one donor on both sides."""
        return self.by_donor.setdefault(donor_id, Sides())

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
        for name, meaning in DIFFERENCES.items():
            lines += [f"{meaning}: {finding.describe()}" for finding in getattr(self, name)]
        return [*lines, "both sides agree" if self.clean else "THE SIDES DIFFER"]
