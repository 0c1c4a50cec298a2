"""What imports have changed, so that it can be undone."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from chassis import Person, belongs_to, bigint, choice, document, index, timestamp
from services.customers.base import Base
from services.customers.transfer.rules.changes import ChangeKind


class ImportChange(Base, table=True):
    """A change of a customer by a row of an import. A revert reads it."""

    __tablename__ = "import_change"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("customer_id"),
        index("job_id", "customer_id", "row"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(merge="keep", merge_reason="a revert leaves records alone that have changed since, as a merge does"),
    )

    job_id: UUID
    row: int = bigint()
    customer_id: UUID
    kind: ChangeKind = choice(ChangeKind, "kind")
    version: int = bigint()
    """The version of the record after the change."""
    before: dict[str, Any] = document()
    """The former values of the fields that it changed."""
    relation_ids: list[str] = document(default_factory=list)
    """The relations that the row has created."""
    created_at: datetime = timestamp()
