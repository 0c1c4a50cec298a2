"""Whole records: profiles, owners, archived customers, places, and the look-up forms of contact points.

Revision ID: 0015
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table, grant_view
from chassis.types.text import normalize_email, normalize_phone

revision = "0015"
down_revision = "0014"

CHUNK = 5_000


def upgrade() -> None:
    """Add the columns, the places and the history, and complete the contact points of existing customers.

    Older code stores contact points without their forms: stop it first.
    """
    _add_columns()
    create_tenant_table(
        "place",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_place_customer"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.execute("""
        create or replace view customer_change with (security_invoker = true) as
            select tenant_id, id, entity_id as customer_id, at, actor, action, (
                select coalesce(
                    jsonb_agg(jsonb_build_object('field', field, 'before', pair -> 0, 'after', pair -> 1) order by field),
                    '[]'
                )
                from jsonb_each(changes) as change(field, pair)
                where pair -> 0 <> 'null' or pair -> 1 not in ('null', '[]', '{}', 'false')
            ) as changes, trace_id
            from chassis.audit where entity = 'customer'
    """)
    grant_view("customer_change", "customers")
    op.execute("update customer set birthday = to_char(birth_date, '--MM-DD') where birth_date is not null")
    _complete_contacts()
    op.execute("""
        insert into place (tenant_id, customer_id, band, latitude, longitude)
        select tenant_id, id, floor(latitude * 10), latitude, longitude from (
            select distinct tenant_id, id, (address ->> 'latitude')::float8 as latitude,
                (address ->> 'longitude')::float8 as longitude
            from customer cross join jsonb_array_elements(addresses) as address
        ) as located where latitude is not null and longitude is not null
    """)
    op.create_index("ix_place_tenant_id_band_longitude", "place", ["tenant_id", "band", "longitude"])
    op.create_index("ix_place_tenant_id_customer_id", "place", ["tenant_id", "customer_id"])
    for column in ("owner_id", "birthday"):
        op.create_index(
            f"ix_customer_tenant_id_{column}_id",
            "customer",
            ["tenant_id", column, "id"],
            postgresql_where=sa.text(f"{column} is not null"),
        )


def _add_columns() -> None:
    for name in ("preferred_name", "salutation", "birthday", "strategic_reason", "owner_id"):
        op.add_column("customer", sa.Column(name, sa.Text(), nullable=True))
    for name in ("needs", "interests"):
        op.add_column("customer", sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("customer", sa.Column("social_profiles", postgresql.JSONB(), server_default="[]", nullable=False))
    for name in ("preferences", "firmographics"):
        op.add_column("customer", sa.Column(name, postgresql.JSONB(), nullable=True))
    op.add_column("customer", sa.Column("travel_distance_km", sa.Integer(), nullable=True))
    op.add_column("customer", sa.Column("strategic", sa.Boolean(), server_default="false", nullable=False))
    for name in ("archived_at", "profile_completed_at"):
        op.add_column("customer", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def _complete_contacts() -> None:
    """Add the look-up forms of e-mails and phones, the labels of addresses, and the primary item of each list."""
    for rows in _chunks():
        completed = [
            {
                "tenant_id": str(tenant),
                "id": str(id),
                "emails": _with_primary({**item, "normal": normalize_email(item["address"])} for item in emails),
                "phones": _with_primary({**item, "e164": _e164(item["number"], region)} for item in phones),
                "addresses": _with_primary({"label": None, **item} for item in addresses),
            }
            for tenant, id, emails, phones, addresses, region in rows
        ]
        op.get_bind().execute(_UPDATE_CONTACTS, {"rows": json.dumps(completed)})


def _with_primary(items: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "primary": index == 0} for index, item in enumerate(items)]


def _e164(number: str, region: str | None) -> str | None:
    normal = normalize_phone(number, region)
    return normal if normal.startswith("+") else None


def _chunks() -> Iterator[Sequence[Any]]:
    """Yield the contacts of every customer that has any, with the phone region of its tenant, in chunks."""
    query = sa.text("""
        select customer.tenant_id, id, emails, phones, addresses, facts ->> 'region' from customer
        left join chassis.tenant using (tenant_id)
        where (customer.tenant_id, id) > (:tenant, :id)
            and (emails <> '[]' or phones <> '[]' or addresses <> '[]')
        order by customer.tenant_id, id limit :chunk
    """).bindparams(sa.bindparam("tenant", type_=sa.Uuid()), sa.bindparam("id", type_=sa.Uuid()))
    last: Sequence[Any] = (UUID(int=0), UUID(int=0))
    while rows := op.get_bind().execute(query, {"tenant": last[0], "id": last[1], "chunk": CHUNK}).all():
        yield rows
        last = rows[-1]


_UPDATE_CONTACTS = sa.text("""
    update customer set emails = new.emails, phones = new.phones, addresses = new.addresses
    from jsonb_to_recordset(cast(:rows as jsonb))
        as new(tenant_id uuid, id uuid, emails jsonb, phones jsonb, addresses jsonb)
    where customer.tenant_id = new.tenant_id and customer.id = new.id
""")
