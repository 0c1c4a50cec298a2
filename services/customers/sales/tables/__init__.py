"""The tables of sales.

catalogue.py  products, their known problems, and what customers own of them
deals.py      pipelines, deals, the history of their stages, approvals of discounts
leads.py      persons and organizations that may become customers
contracts.py  contracts
quotes.py     quotes, and the series of their numbers
"""

from services.customers.sales.tables.catalogue import Asset, Product, ProductProblem
from services.customers.sales.tables.contracts import Contract
from services.customers.sales.tables.deals import (
    NO_DATE,
    Deal,
    DealExternalId,
    DealStageChange,
    DiscountApproval,
    Pipeline,
    Stage,
)
from services.customers.sales.tables.leads import Lead
from services.customers.sales.tables.quotes import NumberSeries, Quote

__all__ = [
    "NO_DATE",
    "Asset",
    "Contract",
    "Deal",
    "DealExternalId",
    "DealStageChange",
    "DiscountApproval",
    "Lead",
    "NumberSeries",
    "Pipeline",
    "Product",
    "ProductProblem",
    "Quote",
    "Stage",
]
