"""Countries of ISO 3166: those of today, and withdrawn ones, which old addresses have."""

import pycountry

from chassis.types.codes import FieldCode, invalid

UNKNOWN_COUNTRY = FieldCode(
    "unknown_country", "The code is not a country of ISO 3166-1.", "Send a code of two letters, such as NL."
)
_TODAY = {country.alpha_2 for country in pycountry.countries}
_WITHDRAWN = {country.alpha_2 for country in pycountry.historic_countries}
_KOSOVO = "XK"
"""Not assigned by ISO, and used by the European Union, banks and postal services."""
COUNTRIES = frozenset((*_TODAY, *_WITHDRAWN, _KOSOVO))
_MISTAKEN = {"UK": "GB", "EL": "GR"}


def require_country(code: str) -> str:
    """Return a country code. Raises ValueError if it never was a country of ISO 3166-1."""
    if code not in COUNTRIES:
        hint = f"; did you mean {_MISTAKEN[code]}?" if code in _MISTAKEN else ""
        raise invalid(UNKNOWN_COUNTRY, f"{code} is not a country of ISO 3166-1{hint}")
    return code
