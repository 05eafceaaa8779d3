"""How often a schedule charges, in Aegis' words (requirement A8)."""

from __future__ import annotations

from collections.abc import Mapping

from giftbridge.domain.donations import Schedule
from giftbridge.errors import Rejected

# Charges a year on RaiseDonors. 26 has no value in Aegis (Bimonthly is not two-weekly); 0 and 100 are unlabelled.
FREQUENCIES: Mapping[int, str] = {
    52: "Weekly",
    12: "Monthly",
    4: "Quarterly",
    2: "Semiannually",
    1: "Annually",
}
_WORDS = {"biweekly": "26", "weekly": "52", "monthly": "12", "quarterly": "4", "semiannually": "2", "annually": "1"}


def aegis_frequency(schedule: Schedule, substitutes: Mapping[str, str]) -> str:
    """The frequency to send: the configured stand-in, else the table's.

    Raises Rejected (cause `unmappable-frequency`) for what Aegis cannot express.
    """
    stand_ins = {_WORDS.get(key.strip().casefold(), key.strip()): value for key, value in substitutes.items()}
    frequency = stand_ins.get(str(schedule.charges_per_year)) or FREQUENCIES.get(schedule.charges_per_year)
    if frequency is None:
        raise Rejected(
            f"{schedule.charges_per_year} charges a year cannot be expressed in Aegis",
            cause="unmappable-frequency",
            field="recurringGift.frequency",
            remedy=f"name a stand-in for {schedule.charges_per_year} in the setting aegis.frequency_substitutes",
        )
    return frequency
