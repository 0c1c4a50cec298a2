"""Relations between customers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from chassis import DatabaseView, Person, Versioned, belongs_to, check, choice, index
from services.customers.base import Base
from services.customers.people.rules.relations import KINDS, StoredKind, is_symmetric


class Relation(Versioned, Base, table=True):
    """A relation of a customer to another. It is stored once, from one end."""

    __tablename__ = "relation"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        belongs_to("related_customer_id", "customer", cascade=True, name="fk_relation_related_customer"),
        # Not unique: a merge may leave two relations of the same customers, and an undo separates them again.
        index("customer_id", "related_customer_id", "kind"),
        index("related_customer_id"),
        check("period", "valid_from <= valid_to"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person(), Person("related_customer_id"))

    customer_id: UUID
    related_customer_id: UUID
    kind: StoredKind = choice(StoredKind, "kind")
    role: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class RelationEnd:
    """A relation as one of its customers reads it."""

    tenant_id: UUID
    id: UUID
    version: int
    customer_id: UUID
    related_customer_id: UUID
    kind: str
    role: str | None
    valid_from: date | None
    valid_to: date | None
    created_at: datetime
    updated_at: datetime


# A relation of two records that were merged relates a customer to itself, and is not shown.
_INVERSES = " ".join(f"when '{kind}' then '{rule.inverse}'" for kind, rule in KINDS.items() if not is_symmetric(kind))
relation_end = DatabaseView(
    "relation_end",
    RelationEnd,
    f"""
    create or replace view relation_end with (security_invoker = true) as
        select tenant_id, id, version, customer_id, related_customer_id, kind, role, valid_from, valid_to, created_at,
            updated_at
        from relation where customer_id <> related_customer_id
        union all
        select tenant_id, id, version, related_customer_id, customer_id, case kind {_INVERSES} else kind end, role,
            valid_from, valid_to, created_at, updated_at
        from relation where customer_id <> related_customer_id
    """,
)
Base.metadata.info.setdefault("objects", []).append(relation_end)
