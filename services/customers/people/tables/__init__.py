"""Customers, the tables by which they are found, and their relations."""

from services.customers.people.tables.blocks import Block, BlockedIdentity, BlockKey
from services.customers.people.tables.contact_locks import are_new_contact_points, lock_contact_points
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
from services.customers.people.tables.history import clear_removed_history
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
    "are_new_contact_points",
    "clear_removed_history",
    "customer_change",
    "lock_contact_points",
    "relation_end",
    "remove_unused_words",
    "search_customers",
]
