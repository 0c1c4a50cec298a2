"""Look-ups that several features of sales share: the customer and the product that a request names."""

from datetime import date
from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType

from chassis import UNKNOWN_RECORD, Problem, UnitOfWork, ValidationFailed, current_person
from services.customers.people.tables import Customer
from services.customers.sales import tables

TimeSort = TypeAliasType("TimeSort", Literal["created_at", "-created_at", "updated_at", "-updated_at"])


class ProductRetired(Problem, status=409):
    """The product is retired and takes no new records.

    Choose another product, or make it active again.
    """


def today(work: UnitOfWork) -> date:
    """Return the tenant's day."""
    return work.now.astimezone(work.tenant.zone).date()


async def named_customer(work: UnitOfWork, id: UUID, pointer: str = "/customer_id") -> Customer:
    """Return the customer that a body names, or the one it was merged into, locked. Raises ValidationFailed if unknown.

    The lock keeps a concurrent merge or erasure from missing a record that is about to name the customer.
    """
    customer = await work.find(Customer, id=await current_person(work, id), for_update=True)
    if customer is None or customer.state in ("merged", "erased"):
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, f"no customer has the id {id}")
    return customer


async def named_product(work: UnitOfWork, id: UUID, pointer: str = "/product_id") -> tables.Product:
    """Return the product that a body names. Raises ValidationFailed if the tenant has no such product."""
    product = await work.find(tables.Product, id=id)
    if product is None:
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, f"no product has the id {id}")
    return product
