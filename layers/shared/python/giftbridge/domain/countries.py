"""Countries as ISO 3166-1 alpha-2, from a name or a code as browsers, gateways and people write them (A14).

ISO's own names come from pycountry. What it does not list stands here: the English names of Unicode's CLDR where they
differ (a test holds all 250 of them), older and shorter names, and what countries call themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from giftbridge.domain.normalising import plain

# In their plain form: without capitals, accents, punctuation, `the` and `of`.
_EVERYDAY: Mapping[str, str] = {
    # CLDR, where it differs from ISO.
    "caribbean netherlands": "BQ", "congo kinshasa": "CD", "congo brazzaville": "CG", "micronesia": "FM",
    "hong kong sar china": "HK", "saint martin": "MF", "myanmar burma": "MM", "macao sar china": "MO",
    "pitcairn islands": "PN", "palestinian territories": "PS", "sint maarten": "SX", "us virgin islands": "VI",
    "french southern and antarctic lands": "TF", "french southern territories": "TF", "us outlying islands": "UM",
    # Other names in English.
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB",
    "britain": "GB", "gb uk": "GB", "gbr uk": "GB", "united kingdom great britain": "GB", "united kingdm": "GB",
    "united states america": "US", "america": "US", "virgin islands us": "VI", "virgin islands usa": "VI",
    "us": "US", "us a": "US", "united states usa": "US", "unites states": "US", "untied states": "US",
    "british virgin islands": "VG", "virgin islands uk": "VG", "us minor outlying islands": "UM",
    "holland": "NL", "south korea": "KR", "korea south": "KR", "republic korea": "KR", "korea": "KR",
    "korea republic": "KR", "rok": "KR", "north korea": "KP", "korea north": "KP", "dprk": "KP",
    "russia": "RU", "ivory coast": "CI", "cote divoire ivory coast": "CI", "cote d ivoire": "CI",
    "czech republic": "CZ", "turkey": "TR", "bahamas": "BS", "gambia": "GM", "uae": "AE", "emirates": "AE",
    "macau": "MO", "macau sar": "MO", "macao sar": "MO", "macau sar china": "MO", "macau china": "MO",
    "macao china": "MO", "hong kong sar": "HK", "hong kong china": "HK", "hong kong prc": "HK", "hongkong": "HK",
    "brunei": "BN", "palestine": "PS", "palestinian territory": "PS", "occupied palestinian territory": "PS",
    "west bank and gaza": "PS", "west bank": "PS", "gaza": "PS", "gaza strip": "PS",
    "vatican": "VA", "vatican city": "VA", "holy see vatican city": "VA", "holy see": "VA",
    "cape verde": "CV", "swaziland": "SZ",
    "macedonia": "MK", "fyr macedonia": "MK", "former yugoslav republic macedonia": "MK", "burma": "MM",
    "macedonia former yugoslav republic": "MK", "republic ireland": "IE", "eire": "IE", "ireland republic": "IE",
    "falkland islands": "FK", "falklands": "FK", "falkland islands islas malvinas": "FK", "falklands malvinas": "FK",
    "dr congo": "CD", "drc": "CD", "congo drc": "CD", "congo dr": "CD", "congo dem rep": "CD", "zaire": "CD",
    "democratic republic congo": "CD", "dem rep congo": "CD", "congo democratic republic": "CD",
    "democratic republic congo kinshasa": "CD", "republic congo": "CG", "congo republic": "CG", "congo rep": "CG",
    "republic congo brazzaville": "CG", "east timor": "TL", "timor leste east timor": "TL",
    "federated states micronesia": "FM", "micronesia fed states": "FM", "fsm": "FM", "marshalls": "MH",
    "mainland china": "CN", "china mainland": "CN", "peoples republic china": "CN", "prc": "CN", "china prc": "CN",
    "taiwan roc": "TW", "taiwan r o c": "TW", "republic china": "TW", "taiwan china": "TW", "roc": "TW",
    "vietnam viet nam": "VN", "laos": "LA", "lao pdr": "LA", "syria": "SY", "iran": "IR", "tanzania": "TZ",
    "bolivia": "BO", "venezuela": "VE", "moldova": "MD", "libya": "LY", "bosnia": "BA", "bosnia herzegovina": "BA",
    "bosnia hercegovina": "BA", "slovak republic": "SK", "kyrgyz republic": "KG", "kirghizia": "KG",
    "byelorussia": "BY", "belorussia": "BY", "upper volta": "BF", "dahomey": "BJ", "ceylon": "LK", "siam": "TH",
    "persia": "IR", "rhodesia": "ZW", "british honduras": "BZ", "western samoa": "WS", "saint barts": "BL",
    "saint kitts": "KN", "saint kitts nevis": "KN", "saint vincent": "VC", "saint vincent grenadines": "VC",
    "saint vincent and grenadines": "VC", "trinidad": "TT", "tobago": "TT", "trinidad tobago": "TT",
    "antigua": "AG", "barbuda": "AG", "antigua barbuda": "AG", "turks and caicos": "TC", "turks caicos": "TC",
    "caymans": "KY", "cayman": "KY", "saint maarten": "SX", "saint martin french part": "MF",
    "sint maarten dutch part": "SX", "bonaire": "BQ", "saint eustatius": "BQ", "sint eustatius": "BQ", "saba": "BQ",
    "reunion island": "RE", "wallis and futuna islands": "WF", "aland": "AX", "svalbard": "SJ", "jan mayen": "SJ",
    "faeroe islands": "FO", "faroes": "FO", "saint helena": "SH", "ascension island": "SH", "ascension": "SH",
    "tristan da cunha": "SH", "canary islands": "ES", "balearic islands": "ES", "ceuta and melilla": "ES",
    "azores": "PT", "madeira": "PT", "sark": "GG", "alderney": "GG", "diego garcia": "IO", "zanzibar": "TZ",
    "tahiti": "PF", "vatican city state": "VA", "papua": "PG", "png": "PG", "nz": "NZ", "aotearoa": "NZ",
    "sao tome": "ST", "guinea conakry": "GN", "surinam": "SR", "luxemburg": "LU", "phillipines": "PH",
    "philipines": "PH", "columbia": "CO", "ksa": "SA", "saudi": "SA", "rsa": "ZA", "car": "CF",
    # What countries call themselves.
    "deutschland": "DE", "brd": "DE", "osterreich": "AT", "oesterreich": "AT", "schweiz": "CH", "suisse": "CH",
    "svizzera": "CH", "svizra": "CH", "helvetia": "CH", "nederland": "NL", "belgie": "BE", "belgique": "BE",
    "belgien": "BE", "espana": "ES", "italia": "IT", "brasil": "BR", "danmark": "DK", "sverige": "SE", "norge": "NO",
    "noreg": "NO", "suomi": "FI", "island": "IS", "polska": "PL", "cesko": "CZ", "ceska republika": "CZ",
    "slovensko": "SK", "slovenija": "SI", "hrvatska": "HR", "magyarorszag": "HU", "eesti": "EE", "latvija": "LV",
    "lietuva": "LT", "turkiye": "TR", "ellada": "GR", "hellas": "GR", "kypros": "CY", "shqiperia": "AL",
    "srbija": "RS", "crna gora": "ME", "bosna i hercegovina": "BA", "cymru": "GB", "alba": "GB", "nippon": "JP",
    "nihon": "JP", "zhongguo": "CN", "bharat": "IN", "misr": "EG", "maroc": "MA", "algerie": "DZ", "tunisie": "TN",
    "cameroun": "CM", "tchad": "TD", "estados unidos": "US", "eeuu": "US", "ee uu": "US", "etats unis": "US",
    "reino unido": "GB", "royaume uni": "GB", "republica dominicana": "DO", "rep dominicana": "DO",
    "dominican rep": "DO", "filipinas": "PH", "pilipinas": "PH", "alemania": "DE", "allemagne": "DE",
    "francia": "FR", "frankreich": "FR", "inglaterra": "GB", "angleterre": "GB", "corea del sur": "KR",
    "日本": "JP", "中国": "CN", "中國": "CN", "香港": "HK", "台灣": "TW", "台湾": "TW", "대한민국": "KR", "한국": "KR",
    "россия": "RU", "украина": "UA", "україна": "UA", "ελλαδα": "GR", "българия": "BG", "ישראל": "IL", "مصر": "EG",
}  # fmt: skip
_WITHOUT_A_CODE = frozenset({"kosovo", "republic kosovo", "kosova", "republika e kosoves", "xk", "xkx"})
_NAMES = ("alpha_2", "alpha_3", "numeric", "name", "official_name", "common_name")
# Between two ways of saying one country: Virgin Islands, British (VG); US - United States; USA/United States.
_BETWEEN = (
    re.compile(r"[(\[](?=[^()\[\]]*[)\]]\W*$)"),
    re.compile(r"\s*[/|]\s*(?=\w{2,3}\W*$)"),
    re.compile(r"(?<=^\w\w)\s*[-\u2013\u2014:]\s*|(?<=^\w\w\w)\s*[-\u2013\u2014:]\s*"),
    re.compile(r"[()\[\]{}/|;:,=]|\s[-\u2013\u2014]\s"),
)
_NOTHING_SAID = re.compile(r"\W*n\W+a\W*", re.IGNORECASE)


@lru_cache(maxsize=512)
def country_code(country: str) -> str | None:
    """The alpha-2 code of a country's name or code, or None when it is no country that ISO knows.

    A text that says one country in several ways is that country; Kosovo has no code of ISO's.
    """
    if _NOTHING_SAID.fullmatch(country):
        return None
    known = _codes_by_name()
    whole = known.get(_key(country))
    if whole is not None:
        return whole
    for between in _BETWEEN:
        said = {known.get(key) for key in map(_key, between.split(country)) if key}
        if len(said) == 1 and None not in said:
            return said.pop()
    return None


def has_no_code(country: str) -> bool:
    """Whether a text names a country to which ISO has given no code."""
    return _key(country) in _WITHOUT_A_CODE


@lru_cache(maxsize=1)
def _codes_by_name() -> Mapping[str, str]:
    import pycountry  # noqa: PLC0415  loading its tables costs time that most invocations never need

    listed = {
        _key(str(getattr(country, kind))): str(country.alpha_2)
        for kind in _NAMES
        for country in pycountry.countries
        if getattr(country, kind, None)
    }
    return {**listed, **{_key(name): code for name, code in _EVERYDAY.items()}}


def _key(name: str) -> str:
    """A name without accents, punctuation, articles and the spelling of `saint` and `and`; lone letters joined."""
    words = plain(name.replace("&", " and ")).split()
    short = ["saint" if word in {"st", "ste"} else word for word in words if word not in {"the", "of"}]
    return re.sub(r"(?<!\w)\w(?: \w(?!\w))+", lambda letters: letters.group().replace(" ", ""), " ".join(short))
