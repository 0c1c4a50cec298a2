"""The currencies of ISO 4217, those in use and those that were withdrawn. History is recorded in its own currency."""

from collections.abc import Mapping
from datetime import date, timedelta

from iso4217 import Currency as Iso4217

from chassis.types.codes import CURRENCY_WITHDRAWN, UNKNOWN_CURRENCY, invalid

WITHDRAWN: Mapping[str, date] = {
    code: date.fromisoformat(day)
    for day, code in (
        line.split()
        for line in """
        1998-12-31 RUR
        1999-07-05 BGL
        2000-02-01 AON
        2000-02-01 AOR
        2000-10-02 ECS
        2000-10-25 TJR
        2000-12-31 BYB
        2001-12-31 ADP
        2002-02-09 IEP
        2002-02-17 FRF
        2002-02-17 MCF
        2002-02-28 ESP
        2002-02-28 ATS
        2002-02-28 NLG
        2002-02-28 BEF
        2002-02-28 PTE
        2002-02-28 FIM
        2002-02-28 GRD
        2002-02-28 ITL
        2002-02-28 LUF
        2002-05-15 YUM
        2002-05-15 DEM
        2002-05-20 TPE
        2002-12-31 AFA
        2003-12-31 SRG
        2004-12-31 MGF
        2005-12-31 TRL
        2006-10-25 CSD
        2006-12-31 AZM
        2006-12-31 MZM
        2006-12-31 ROL
        2007-01-14 SIT
        2007-06-30 SDD
        2007-12-31 GHC
        2008-01-31 CYP
        2008-01-31 MTL
        2008-06-30 VEB
        2008-08-01 ZWD
        2009-01-01 SKK
        2009-01-01 TMM
        2009-02-02 ZWR
        2010-12-31 EEK
        2013-01-01 ZMK
        2013-12-31 LVL
        2014-12-31 LTL
        2017-01-01 BYR
        2017-12-31 STD
        2018-06-30 MRO
        2018-08-20 VEF
        2021-06-01 CUC
        2023-01-14 HRK
        2023-12-31 SLL
        2024-08-31 ZWL
        2025-06-30 ANG
        2026-01-31 BGN
        """.strip().splitlines()
    )
}
"""The last day on which each withdrawn currency was legal tender, by the Unicode CLDR's supplemental data."""
_WITHDRAWN_WITHOUT_DECIMALS = frozenset(("ADP", "BYR", "ESP", "ITL", "LUF", "MGF", "TRL"))

MINOR_DIGITS: Mapping[str, int] = {code: 0 if code in _WITHDRAWN_WITHOUT_DECIMALS else 2 for code in WITHDRAWN} | {
    unit.code: unit.exponent for unit in Iso4217 if unit.exponent is not None
}
"""Digits after the decimal point by currency code. Units without a minor unit (gold, test codes) are left out.

A code is never removed, because stored amounts are read by it. `tests/data/currencies.txt` lists every code that was
ever accepted.
"""


def require_known_currency(code: str) -> str:
    """Return a code that is or was a currency. Raises ValueError."""
    if code not in MINOR_DIGITS:
        raise invalid(UNKNOWN_CURRENCY, "a currency of ISO 4217 is expected, such as EUR")
    return code


def require_current_currency(code: str) -> str:
    """Return the code of a currency that is in use. Raises ValueError."""
    if code in WITHDRAWN:
        raise invalid(CURRENCY_WITHDRAWN, f"{code} was withdrawn on {WITHDRAWN[code]}")
    return require_known_currency(code)


def require_currency_at(code: str, on: date) -> None:
    """Raise ValueError if a currency was withdrawn before a day. A day of tolerance covers every time zone."""
    last_day = WITHDRAWN.get(code)
    if last_day is not None and on > last_day + timedelta(days=1):
        raise invalid(CURRENCY_WITHDRAWN, f"{code} was withdrawn on {last_day}")
