"""The members that Virtuous takes in each kind of request."""

from ops.simulators.virtuous_model import (
    Shape,
    anything,
    day,
    flag,
    flag_or_text,
    integer,
    listed,
    money,
    nested,
    string_map,
    text,
    texts,
)

ADDRESS_LINES = ("address1", "address2", "city", "state", "postal", "country")
CONTACT_TYPES = ("Household", "Organization", "Foundation")
GIFT_TYPES = {
    "Credit": "Credit", "Check": "Check", "Cash": "Cash", "EFT": "Electronic Funds Transfer",
    "Electronic Funds Transfer": "Electronic Funds Transfer", "Stock": "Stock", "Non-Cash": "NonCash",
    "NonCash": "NonCash", "Other": "Other",
}  # fmt: skip
"""The gift types that are taken, and how each is read back."""


def _texts(*names: str) -> Shape:
    return dict.fromkeys(names, text)


def _flags(*names: str) -> Shape:
    return dict.fromkeys(names, flag)


_CUSTOM_OBJECTS = listed({"name": text, "fields": listed(_texts("name", "value"))})
_ATTENDANCE: Shape = {
    "eventId": integer, "eventName": text, **_flags("invited", "rsvp", "rsvpResponse", "attended"),
}  # fmt: skip

CONTACT_ROW: Shape = {
    **_texts(
        "referenceId", "contactType", "name", "title", "firstName", "middleName", "lastName", "suffix", "birthMonth",
        "birthDay", "birthYear", "gender", "emailType", "email", "phoneType", "phone", *ADDRESS_LINES, "tags",
        "originSegmentCode",
    ),
    **_ATTENDANCE,
    "emailLists": texts,
    "customFields": string_map,
    "customObjects": _CUSTOM_OBJECTS,
    "volunteerAttendances": listed({
        "volunteerOpportunityId": integer, "volunteerOpportunityName": text, "date": text, "hours": anything}),
}  # fmt: skip
CONTACT_TRANSACTION: Shape = {"referenceSource": text, **CONTACT_ROW}

GIFT_CONTACT: Shape = {
    **_texts(
        "referenceId", "name", "type", "title", "firstname", "middlename", "lastname", "suffix", "birthMonth",
        "birthDay", "birthYear", "gender", "emailType", "email", "phoneType", "phone", "tags",
    ),
    "id": integer,
    "address": nested(_texts(*ADDRESS_LINES)),
    "emailLists": texts,
}  # fmt: skip
_DEDICATION: Shape = {
    "tributeId": integer,
    "acknowledgeeIndividualId": integer,
    **_texts(
        "tributeType", "tributeFirstName", "tributeLastName", "tributeCity", "tributeState", "acknowledgeeFirstName",
        "acknowledgeeLastName", "acknowledgeeAddress", "acknowledgeeCity", "acknowledgeeState", "acknowledgeePostal",
        "acknowledgeeEmail", "acknowledgeePhone",
    ),
}  # fmt: skip
GIFT_TRANSACTION: Shape = {
    **_texts(
        "transactionSource", "transactionId", "cancelDate", "giftType", "currencyCode", "frequency",
        "recurringGiftTransactionId", "pledgeFrequency", "pledgeTransactionId", "pledgeExpectedFullfillmentDate",
        "batch", "notes", "segment", "mediaOutlet", "receiptDate", "receiptSegment", "cashAccountingCode", "tribute",
        "checkNumber", "creditCardType", "nonCashGiftType", "nonCashGiftDescription", "stockTickerSymbol",
        "iraCustodian", "submissionUrl",
    ),
    "giftDate": day,
    "amount": money,
    "exchangeRate": money,
    "contact": nested(GIFT_CONTACT),
    "passthroughContact": nested(GIFT_CONTACT),
    "tributeDedication": nested(_DEDICATION),
    **_flags("recurringGiftTransactionUpdate", "isPrivate", "isTaxDeductible"),
    **dict.fromkeys(("nonCashGiftTypeId", "stockNumberOfShares", "contactIndividualId"), integer),
    "designations": listed({"id": integer, **_texts("name", "code"), "amountDesignated": money}),
    "premiums": listed({"id": integer, **_texts("name", "code", "quantity")}),
    "customFields": string_map,
    "customObjects": _CUSTOM_OBJECTS,
    "giftPassthroughs": anything,
    "eventAttendee": nested(_ATTENDANCE),
}  # fmt: skip
GIFT_REQUIRED = ("transactionSource", "transactionId", "contact", "giftDate", "giftType", "amount")
GIFT_BUNDLE: Shape = {
    "transactionSource": text, "transactions": anything, "createImport": flag, "importName": text, "batch": text,
    "batchTotal": money, "defaultGiftDate": text, "defaultGiftType": text,
}  # fmt: skip
REVERSAL: Shape = {"reversedGiftId": integer, "giftDate": day, "notes": text}
REFERENCE: Shape = {"contactId": integer, "referenceSource": text, "referenceId": text}

PROJECT_TEXTS = (
    "inventoryStatus", "type", "location", "onlineDisplayName", "description", "externalAccountingCode",
    "durationType", "startDate", "endDate", "financialNeedType", "financialNeedFrequency",
)  # fmt: skip
PROJECT_AMOUNTS = ("financialNeedAmount", "beginningBalance", "currentBalance")
PROJECT_FLAGS = (
    "isPublic", "isActive", "isAvailableOnline", "isLimitedToFinancialNeed", "isTaxDeductible",
    "treatAsAccountsPayable", "isRestrictedToGiftSpecifications",
)  # fmt: skip
WRITE_ONLY = ("revenueAccountingCode", "enableSync")
PROJECT_WRITE: Shape = {
    **_texts("name", "revenueAccountingCode", *PROJECT_TEXTS),
    **dict.fromkeys(PROJECT_AMOUNTS, money),
    **_flags(*PROJECT_FLAGS, "enableSync"),
    "parentId": integer,
    "customFields": listed({"name": text, "value": anything}),
}
PROJECT_PATCH: Shape = {
    "id": integer,
    **_texts("name", "projectCode", "onlineDisplayName", "description", "type", "startDate", "endDate"),
    **dict.fromkeys(PROJECT_AMOUNTS, money),
    "customFields": string_map,
}

EVENT_TOGGLES = (
    "contactCreate", "contactUpdate", "giftCreate", "giftUpdate", "giftDelete", "projectCreate", "projectUpdate",
    "projectDelete", "formSubmission", "contactNoteCreate", "contactNoteUpdate", "contactNoteDelete", "eventCreate",
    "eventUpdate", "eventDelete",
)  # fmt: skip
SUBSCRIPTION: Shape = {"id": integer, "payloadUrl": text, "secret": text, **_flags(*EVENT_TOGGLES, "active")}

CONDITION: Shape = {
    **_texts("parameter", "operator", "value", "secondaryValue"), "values": texts,
}  # fmt: skip
QUERY: Shape = {
    "groups": listed({"conditions": listed(CONDITION, ("parameter", "operator"))}, ("conditions",)),
    "sortBy": text,
    "descending": flag_or_text,
    "includeArchived": flag,
    "queryLocation": anything,
}
