"""Which story meets which operation, and at what moment: the first time, or while a lost write is being looked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.boundary.stories import STORIES, Story


class Moment(StrEnum):
    """When the odd answers begin, and whether a write that is answered oddly was carried out."""

    FIRST = "at the first call"
    NOT_CARRIED_OUT = "in place of what was asked"
    AFTER_A_LANDED_WRITE = "when a landed write is looked for"
    AFTER_A_LOST_WRITE = "when a write that never arrived is looked for"


@dataclass(frozen=True)
class Play:
    """One operation in one story. `lost` is the write whose answer was lost before."""

    system: str
    operation: str
    story: Story
    moment: Moment = Moment.FIRST
    lost: str = ""

    @property
    def finds_nothing(self) -> bool:
        """Whether the true answer holds no record here."""
        return (self.operation, self.story.name.split()[0], self.moment) in FINDS_NOTHING

    @property
    def name(self) -> str:
        """As it is shown."""
        lost = f" ({self.lost})" if self.lost else ""
        return f"{self.system}.{self.operation} {self.moment}{lost}, {self.story.name}"


# The operations that each story calls, beginning with its own.
FIRST_CALLS = {
    "1": {
        "raisedonors": "queryGifts getGift getDonor listProjects getRecurringGift patchDonor replaceRecurringGift "
        "setGiftCrmKey",
        "aegis": "listAppeals listFunds listChannels listBatchCategories listPledgePrograms listOriginSources "
        "getCustomDataField searchPartners createPartner createPledge createTransaction",
    },
    "2": {"aegis": "getPledgeHistory createTransaction", "raisedonors": "queryGifts"},
    "3": {"aegis": "getPledgeHistory createPledge"},
    # Its first transaction is refused for the partner: nothing that is answered instead is looked for there.
    "4": {"aegis": "getPartner searchPartners createPartner listProducts listWarehouses"},
    "5": {"aegis": "createTransaction getPledgeHistory", "raisedonors": "queryGifts getGift getDonor"},
    "6": {"aegis": "getTransactionHistory createTransaction", "raisedonors": "getGift"},
    "7": {"aegis": "getPledgeHistory savePledge", "raisedonors": "queryRecurringGifts getRecurringGift"},
    "8": {"aegis": "createPledge", "raisedonors": "queryRecurringGifts getRecurringGift replaceRecurringGift"},
    "9": {"aegis": "getPartner savePartner", "raisedonors": "queryDonors getDonor"},
    "11": {"aegis": "createPartnerNote", "raisedonors": "listDonorActivity"},
    "12": {
        "virtuous": "getContactByReference getProjectByCode submitGiftTransactions getGiftByTransaction getContact "
        "queryFullContacts",
        "raisedonors": "queryGifts getGift getDonor listProjects getRecurringGift patchDonor",
    },
    "13": {"virtuous": "reverseGift getGiftByTransaction", "raisedonors": "queryGifts getGift"},
    "14": {"virtuous": "submitContactBatch getContact", "raisedonors": "queryDonors getDonor"},
    "15": {
        "virtuous": "getContact queryFullContacts",
        "raisedonors": "getDonor patchDonor updateDonorAddress patchDonorPhone listDonorActivity addDonorActivity",
    },
    "16": {"virtuous": "getContact addContactReference", "raisedonors": "getDonor searchDonors createDonor"},
    "17": {"virtuous": "getContact", "raisedonors": "getDonor updateDonorAddress"},
    "18": {
        "virtuous": "getProject replaceProject getProjectByCode queryProjects createProject patchProjects",
        "raisedonors": "listProjects getProject",
    },
    "19": {"aegis": "getTransactionHistory createTransaction", "raisedonors": "getGift"},
    "known": {"aegis": "searchPartners", "raisedonors": "getDonor"},
    "imported key": {"aegis": "getPartner"},
    "codes one by one": {"aegis": "getAppeal getFund getChannel getBatchCategory getPledgeProgram getOriginSource"},
    "premium one by one": {"aegis": "getProduct getWarehouse"},
    "bare donor": {"raisedonors": "addDonorAddress addDonorPhone"},
    "own query": {"aegis": "fetchQueryResults"},
    "history": {"aegis": "getTransactionHistory getPartner", "raisedonors": "listDonorGifts"},
    "reconciliation": {"aegis": "getTransactionHistory", "raisedonors": "queryGifts"},
    "backfill": {"raisedonors": "queryGifts"},
}
# A write whose answer is lost, and where it is looked for then.
LOOKED_FOR = (
    ("1", "aegis.createTransaction", "aegis.getTransactionHistory"),
    ("1", "aegis.createPartner", "aegis.searchPartners"),
    ("1", "aegis.createPledge", "aegis.getPledgeHistory"),
    ("2", "aegis.createTransaction", "aegis.getTransactionHistory"),
    ("5", "aegis.createTransaction", "aegis.getTransactionHistory"),
    ("7", "aegis.savePledge", "aegis.getPledgeHistory"),
    ("8", "aegis.createPledge", "aegis.getPledgeHistory"),
    ("9", "aegis.savePartner", "aegis.getPartner"),
    ("19", "aegis.createTransaction", "aegis.getTransactionHistory"),
    ("13", "virtuous.reverseGift", "virtuous.listGiftsOfContact"),
    ("16", "raisedonors.createDonor", "raisedonors.searchDonors"),
    ("16", "virtuous.addContactReference", "virtuous.getContact"),
    ("18", "virtuous.createProject", "virtuous.queryProjects"),
    ("15", "raisedonors.patchDonor", "raisedonors.getDonor"),
    ("15", "raisedonors.addDonorActivity", "raisedonors.listDonorActivity"),
)


# Where there is nothing to be found yet: pages without rows, and records that are not there.
FINDS_NOTHING = frozenset(
    {
        ("getPledgeHistory", "1", Moment.AFTER_A_LOST_WRITE),
        ("getPledgeHistory", "8", Moment.AFTER_A_LOST_WRITE),
        ("getTransactionHistory", "1", Moment.AFTER_A_LOST_WRITE),
        ("searchPartners", "1", Moment.FIRST),
        ("searchPartners", "1", Moment.AFTER_A_LOST_WRITE),
        ("listDonorActivity", "15", Moment.FIRST),
        ("listDonorActivity", "15", Moment.AFTER_A_LOST_WRITE),
        ("searchDonors", "16", Moment.FIRST),
        ("searchDonors", "16", Moment.AFTER_A_LOST_WRITE),
        ("getContactByReference", "12", Moment.FIRST),
        ("getProjectByCode", "18", Moment.FIRST),
        ("queryProjects", "18", Moment.FIRST),
        ("queryProjects", "18", Moment.AFTER_A_LOST_WRITE),
    }
)


def plays() -> list[Play]:
    """All of them, each operation's beside each other."""
    found = [
        Play(system, operation, STORIES[story])
        for story, systems in FIRST_CALLS.items()
        for system, operations in systems.items()
        for operation in operations.split()
    ]
    for story, lost, read in LOOKED_FOR:
        system, operation = read.split(".")
        for moment in (Moment.AFTER_A_LANDED_WRITE, Moment.AFTER_A_LOST_WRITE):
            found.append(Play(system, operation, STORIES[story], moment, lost))
    return sorted(found, key=lambda play: (play.system, play.operation))
