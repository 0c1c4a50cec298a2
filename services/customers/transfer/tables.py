"""What imports have changed, so that it can be undone."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, belongs_to, bigint, choice, document, index, timestamp
from services.customers.base import Base
from services.customers.transfer.rules.changes import ChangeKind


class ImportChange(Base, table=True):
    """A change of a customer, or of a deal of the customer, by a row of an import. A revert reads it."""

    __tablename__ = "import_change"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        belongs_to("deal_id", "deal", cascade=True),
        index("customer_id"),
        index("deal_id", postgresql_where=text("deal_id is not null")),
        index("job_id", "customer_id", "row"),
        index("job_id", "deal_id", "row", postgresql_where=text("deal_id is not null")),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(merge="keep", merge_reason="a revert leaves records alone that have changed since, as a merge does"),
    )

    job_id: UUID
    row: int = bigint()
    customer_id: UUID
    deal_id: UUID | None = None
    kind: ChangeKind = choice(ChangeKind, "kind")
    version: int = bigint()
    """The version of the record after the change."""
    before: dict[str, Any] = document()
    """The former values of the fields that it changed."""
    relation_ids: list[str] = document(default_factory=list)
    """The relations that the row has created."""
    created_at: datetime = timestamp()
