"""Invented people and organisations: names of many scripts, addresses, phone numbers kept for fiction."""

import random
from dataclasses import dataclass, replace
from typing import Any

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "Daniel", "Eva", "Frank", "Grace", "Henry", "Iris", "Jonas", "Karen", "Lewis", "Maria",
    "Noah", "Olga", "Paul", "Quinn", "Rosa", "Samuel", "Tessa", "Ursula", "Victor", "Wendy", "Xavier", "Yvonne",
    "Zoë", "José", "Anne-Marie", "Søren", "Łukasz", "François", "Björk", "Nguyễn", "Mary Ann", "Jean-Luc",
)  # fmt: skip
LAST_NAMES = (
    "Berg", "Carver", "Dalton", "Ellison", "Foster", "Garner", "Hollis", "Ingram", "Jarvis", "Kendrick", "Lambert",
    "Mercer", "Norwood", "Osborne", "Prescott", "Quimby", "Radford", "Sutton", "Thornton", "Underhill", "Vance",
    "Whitaker", "Yardley", "Zeller", "O'Connell", "D'Arcy", "Smith-Jones", "van der Meer", "Núñez", "Ågård",
    "Müller", "Żółkiewski", "MacLeod", "St. Claire", "de la Cruz",
)  # fmt: skip
OTHER_SCRIPTS = (
    ("דוד", "כהן"), ("שרה", "לוי"), ("محمد", "الحسن"), ("فاطمة", "الزهراء"), ("美咲", "佐藤"), ("伟", "王"),
    ("지우", "김"), ("Иван", "Петров"), ("Ελένη", "Παππά"),
)  # fmt: skip
COMPANIES = (
    "Harbor Lights Foundation", "Cedar & Sons, Inc.", "Bluebird Bakery LLC", "Oak Ridge Community Church",
    "Müller Maschinenbau GmbH", "North Star Logistics", "O'Hara Brothers", "St. Anne's School", "Pine Street Books",
    "Great Plains Hardware Co.",
)  # fmt: skip
STREETS = ("Oak Street", "Maple Avenue", "Cedar Lane", "Hill Road", "Lake Drive", "Mission Boulevard", "2nd Street")
SHORT_FORMS = {"Street": "St", "Avenue": "Ave.", "Lane": "Ln", "Road": "Rd.", "Drive": "Dr", "Boulevard": "Blvd"}
US_CITIES = (
    ("Austin", "TX", "78701"), ("Boise", "ID", "83702"), ("Salem", "OR", "97301"), ("Macon", "GA", "31201"),
    ("Dover", "DE", "19901"), ("Akron", "OH", "44308"), ("Provo", "UT", "84601"),
)  # fmt: skip
US_SPELLINGS = ("US", "USA", "United States", "United States of America", "us")
ABROAD = (
    ("Toronto", "ON", "M5V 2T6", "Canada", "CA"), ("Leeds", "", "LS1 4DY", "United Kingdom", "GB"),
    ("Utrecht", "", "3511 AB", "Netherlands", "NL"), ("Köln", "NW", "50667", "Germany", "DE"),
    ("Haifa", "", "3303140", "IL", "IL"), ("São Paulo", "SP", "01310-100", "Brazil", "BR"),
    ("Sydney", "NSW", "2000", "AUS", "AU"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """A giver as a person would write themselves down; with `company` it is an organisation."""

    serial: int
    first_name: str
    last_name: str
    company: str | None
    email: str | None
    phone: str | None
    address1: str | None
    city: str
    state: str
    postal: str
    country: str
    country_code: str

    def donor(self) -> dict[str, Any]:
        """The donor this person is on RaiseDonors."""
        donor: dict[str, Any] = {
            "firstName": self.first_name or None,
            "lastName": self.last_name or None,
            "isOrganization": self.company is not None,
            "organizationName": self.company,
            "email": self.email,
            "phone": self.phone,
        }
        address = self.address()
        if address is not None:
            donor["donorAddresses"] = [{**address, "isPrimary": True}]
        return donor

    def address(self) -> dict[str, Any] | None:
        """The postal address as RaiseDonors writes one."""
        if self.address1 is None:
            return None
        return {
            "address1": self.address1,
            "address2": None,
            "city": self.city,
            "state": self.state or None,
            "postal": self.postal,
            "countryString": self.country,
        }

    def partner(self) -> dict[str, Any]:
        """The partner this person is in Aegis."""
        partner: dict[str, Any] = {
            "FirstName": self.first_name,
            "LastName": self.last_name,
            "Company": self.company or "",
            "Address1": self.address1 or "",
            "City": self.city,
            "StateProv": self.state,
            "PostalCode": self.postal,
            "CountryCode": self.country_code,
            "OriginSource": "WEB",
        }
        if self.phone:
            partner["PartnerPhones"] = [{"Type": "Home", "Priority": 1, "Number": self.phone, "Status": ""}]
        if self.email:
            partner["PartnerEmails"] = [{"Type": "Home", "Priority": 1, "Email": self.email, "Status": ""}]
        return partner

    def spelled_loosely(self) -> "Person":
        """The same person, written down by someone else: case, street form, phone notation, longer postcode."""
        street = self.address1 or ""
        for long_form, short_form in SHORT_FORMS.items():
            street = street.replace(long_form, short_form)
        return replace(
            self,
            first_name=self.first_name.upper(),
            last_name=self.last_name.upper(),
            company=self.company.upper().replace(",", "").replace(".", "") if self.company else None,
            email=self.email.upper() if self.email else None,
            phone=other_notation(self.phone) if self.phone else None,
            address1=street or None,
            postal=f"{self.postal}-1234" if self.country_code == "US" else self.postal,
        )


def other_notation(phone: str) -> str:
    """The same North American number, written with brackets."""
    digits = "".join(character for character in phone if character.isdigit())[-10:]
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


class People:
    """Makes people, none of whom shares an address, a phone number or an e-mail address with another."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._serial = 0

    def person(self, *, plain: bool = False, abroad: bool = False) -> Person:
        """A new person; a plain one has a name of Latin letters without accents and lives in the United States."""
        chance = self._chance
        self._serial += 1
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        if plain:
            first, last = chance.choice(FIRST_NAMES[:25]), chance.choice(LAST_NAMES[:24])
        elif chance.random() < 0.12:
            first, last = chance.choice(OTHER_SCRIPTS)
        return self._living(self._somewhere(first, last, None, abroad))

    def organisation(self) -> Person:
        """A new organisation; its name is its own."""
        self._serial += 1
        company = f"{self._chance.choice(COMPANIES)} {self._serial}"
        return self._living(self._somewhere("", "", company, False))

    def spouse_of(self, person: Person) -> Person:
        """Someone at the same address, with the same last name and phone, and an own first name and e-mail."""
        self._serial += 1
        others = [name for name in FIRST_NAMES[:25] if name != person.first_name]
        return replace(person, serial=self._serial, first_name=self._chance.choice(others), email=self._email())

    def _somewhere(self, first: str, last: str, company: str | None, abroad: bool) -> Person:
        city, state, postal = self._chance.choice(US_CITIES)
        country, code = self._chance.choice(US_SPELLINGS), "US"
        if abroad:
            city, state, postal, country, code = self._chance.choice(ABROAD)
        return Person(
            serial=self._serial, first_name=first, last_name=last, company=company, email=self._email(),
            phone=self._phone(), address1=None, city=city, state=state, postal=postal, country=country,
            country_code=code,
        )  # fmt: skip

    def _living(self, person: Person) -> Person:
        # The house number is the serial: two people share an address only where that is meant.
        return replace(person, address1=f"{person.serial} {self._chance.choice(STREETS)}")

    def _email(self) -> str:
        host = self._chance.choice(("example.org", "example.com", "mail.example.org"))
        return f"donor.{self._serial:05d}@{host}"

    def _phone(self) -> str:
        # 555-0100 to 555-0199 are kept for fiction; area codes make enough of them.
        area, line = divmod(self._serial, 100)
        number = f"{201 + area % 789}-555-01{line:02d}"
        notations = (number, f"+1 {number}", number.replace("-", "."), number.replace("-", ""))
        return self._chance.choice(notations)
