"""Products, their known problems, and assets: what a customer owns of a product."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, choice, document, index, long_text, text_list, timestamp, unique
from services.customers.base import Base
from services.customers.sales.rules.catalogue import AssetState, ProblemSeverity, ProblemState, ProductState


class Product(Versioned, Base, table=True):
    """A product or a service that is sold. It is retired, never deleted: deals and assets refer to it.

    Prices are decimal strings with up to six decimals.
    """

    __tablename__ = "product"
    __table_args__ = (
        unique("sku"),
        index("category", "created_at", "id", postgresql_where=text("category is not null")),
        index("created_at", "id"),
        index("updated_at", "id"),
    )
    audited: ClassVar[bool] = True

    sku: str
    name: str
    category: str | None = None
    description: str | None = long_text(default=None)
    currency: str | None = None
    unit_cost: str | None = None
    list_price: str | None = None
    disclosures: list[str] = text_list()
    warranty_months: int | None = None
    maintenance_interval_months: int | None = None
    state: ProductState = choice(ProductState, "state", default="active")
    custom: dict[str, Any] = document(default_factory=dict)


class ProductProblem(Versioned, Base, table=True):
    """A known problem of a product, of which its buyers are informed."""

    __tablename__ = "product_problem"
    __table_args__ = (belongs_to("product_id", "product"), index("product_id", "id"))
    audited: ClassVar[bool] = True

    product_id: UUID
    severity: ProblemSeverity = choice(ProblemSeverity, "severity")
    description: str = long_text()
    remedy: str | None = long_text(default=None)
    state: ProblemState = choice(ProblemState, "state", default="open")
    resolution: str | None = long_text(default=None)
    resolved_at: datetime | None = timestamp(nullable=True, default=None)


class Asset(Versioned, Base, table=True):
    """A thing that a customer owns: an exemplar of a product, with its serial number if it has one.

    `warranty_announced` and `maintenance_announced` are the dates of which an event was published.
    """

    __tablename__ = "asset"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("product_id", "product"),
        unique("product_id", "serial_number"),
        index("customer_id", "created_at", "id"),
        index("product_id", "created_at", "id"),
        index("created_at", "id"),
        index("updated_at", "id"),
        index("warranty_until", "id", postgresql_where=text("warranty_until is not null")),
        index(
            "next_maintenance_on",
            "id",
            postgresql_where=text("next_maintenance_on is distinct from maintenance_announced"),
        ),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    product_id: UUID
    serial_number: str | None = None
    acquired_at: datetime = timestamp()
    warranty_until: date | None = None
    maintenance_interval_months: int | None = None
    last_maintained_on: date | None = None
    next_maintenance_on: date | None = None
    state: AssetState = choice(AssetState, "state", default="in_use")
    warranty_announced: date | None = None
    maintenance_announced: date | None = None
