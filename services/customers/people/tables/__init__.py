"""Customers, the tables by which they are found, and their relations."""

from services.customers.people.tables.blocks import Block, BlockedIdentity, BlockKey
from services.customers.people.tables.customers import (
    ContactPoint,
    Customer,
    CustomerChangeRow,
    ExternalId,
    NameWord,
    Place,
    customer_change,
    remove_unused_words,
    search_customers,
)
from services.customers.people.tables.relations import Relation, RelationEnd, relation_end

__all__ = [
    "Block",
    "BlockKey",
    "BlockedIdentity",
    "ContactPoint",
    "Customer",
    "CustomerChangeRow",
    "ExternalId",
    "NameWord",
    "Place",
    "Relation",
    "RelationEnd",
    "customer_change",
    "relation_end",
    "remove_unused_words",
    "search_customers",
]
