"""The codes that an organisation has in both systems, and the product settings that go with them."""

from typing import Any

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore

DONOR_ID_FIELD = "RaiseDonors.Donor.Id"
RECONCILIATION_QUERY = "RAISEDONORS-GIFTS"
FUNDS = {
    "GEN": "General Fund", "BLD": "Building", "MIS": "Missions", "SCH": "Scholarships", "RLF": "Relief",
    "MED": "Media",
}  # fmt: skip
UNKNOWN_FUND = "NOFUND"
APPEALS = ("WEB", "EOY24", "SPRING", "RADIO", "LETTER3")
INACTIVE_APPEAL = "OLD19"
UNKNOWN_APPEAL = "NOSUCHAPPEAL"
PRODUCTS = {"BOOK-01": "The Long Road", "CD-07": "Hymns", "MUG-03": "Mug"}
UNKNOWN_PRODUCT = "GONE-99"
MEDIA_OUTLETS = {"KXYZ": "KXYZ Radio", "WABC7": "Channel 7"}

SETTINGS: dict[str, Any] = {
    "aegis": {
        "origin_source": "WEB",
        "batch_category": "Online Giving",
        "batch_type": "Web",
        "channel": "Web",
        "recorded_by": "RaiseDonors",
        "media_program": "Morning Show",
        "warehouse_id": "WH1",
        "shipping_method": "Ground",
        "pledge_program_name": "Monthly Partners",
        "default_appeal_code": None,
        "frequency_substitutes": {},
    }
}
"""The fragment of the product's settings document that fits the population."""


def seed_aegis_codes(aegis: AegisStore) -> None:
    """Define the codes in Aegis."""
    for code, name in FUNDS.items():
        aegis.add_code("Fund", code, name)
    aegis.add_code("Fund", "OLDFUND", "Closed fund", active=False)
    for appeal in APPEALS:
        aegis.add_code("Appeal", appeal)
    aegis.add_code("Appeal", INACTIVE_APPEAL, active=False)
    for code, name in PRODUCTS.items():
        aegis.add_code("Product", code, name)
    for origin in ("WEB", "RADIO"):
        aegis.add_code("OriginSource", origin)
    for channel in ("Web", "Mail", "Phone"):
        aegis.add_code("Channel", channel)
    aegis.add_code("BatchCategory", "Online Giving")
    aegis.add_code("Warehouse", "WH1", "Main warehouse")
    aegis.add_code("PledgeProgram", "Monthly Partners")
    aegis.add_custom_data_field(DONOR_ID_FIELD)
    aegis.queries.add(RECONCILIATION_QUERY)


def seed_projects(raisedonors: RaiseDonorsStore) -> dict[str | None, int]:
    """Define the projects on RaiseDonors; the ids by code. One code is no fund, one project has no code."""
    ids: dict[str | None, int] = {}
    for code, name in FUNDS.items():
        ids[code] = raisedonors.add("project", {"code": code, "name": name, "isAvailableOnline": True})
    ids[UNKNOWN_FUND] = raisedonors.add("project", {"code": UNKNOWN_FUND, "name": "Not in Aegis"})
    ids[None] = raisedonors.add("project", {"code": None, "name": "Without a code"})
    return ids
