"""The limits of figures. Schemas, columns, events and pages share them: a figure that one accepts, every other holds.

A single figure has a limit, and a bigint holds thousands of it. A sum of figures has none: its column is numeric
(`exact_sum`), and it is a decimal string in JSON or an integer of any size. A limit is raised in the readers of an
event before it is raised in its publisher.
"""

from typing import Annotated

from pydantic import Field

MAX_MINOR = 10**15
"""Largest amount of money in minor units, with either sign: of a line, a discount, a total or a refund."""
AMOUNT_DIGITS, AMOUNT_DECIMALS = 16, 4
"""Digits of an amount on either side of its point: those of MAX_MINOR in a currency without decimals, and with most."""
PRICE_DIGITS, PRICE_DECIMALS = 12, 6
"""Digits of a price per unit."""
QUANTITY_DIGITS, QUANTITY_DECIMALS = 9, 3
"""Digits of a quantity."""
MAX_COUNT = 10**15
"""Largest count that a request may state or a rule may compute. A float, as JavaScript reads it, holds it exactly."""
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]
"""A count in a request."""
