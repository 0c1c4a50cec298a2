"""The rows of a chunk."""

from dataclasses import dataclass, field
from uuid import UUID

from chassis import Outcome
from services.customers.people.customers.schemas import CustomerUpsert
from services.customers.people.customers.upserts import Applied
from services.customers.transfer.imports.plans import RowRefused
from services.customers.transfer.rules.relations import Named


@dataclass
class Rows:
    """What became of the rows of a chunk, by their number from 1."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Rows that could be read."""
    refused: dict[int, RowRefused] = field(default_factory=dict)
    unrelated: dict[int, RowRefused] = field(default_factory=dict)
    """Rows that are imported without a relation."""
    deferred: dict[int, list[Named]] = field(default_factory=dict)
    """Relations to customers that a later row may create."""


@dataclass
class Batch(Rows):
    """The customers in the rows of a chunk."""

    items: list[tuple[int, CustomerUpsert]] = field(default_factory=list)
    ids: dict[int, UUID] = field(default_factory=dict)
    relations: dict[int, list[Named]] = field(default_factory=dict)
    applied: dict[int, Applied] = field(default_factory=dict)
    relation_ids: dict[int, list[str]] = field(default_factory=dict)
    """The relations that rows have created."""
