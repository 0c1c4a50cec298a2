"""Query parameters that the figures share."""

from typing import Annotated

from fastapi import Query as Parameter

from chassis import Currency, Instant

AsOf = Annotated[Instant | None, Parameter(description="Count only what happened up to this time. Default: all.")]
"""The time up to which a figure counts purchases and refunds, or None for all."""
InCurrency = Annotated[Currency | None, Parameter(description="Default: the tenant's currency.")]
"""The currency of a figure, or None for the tenant's."""
