"""The ledger's proof: every balance is computed again from its entries, and from its lots and holds."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from chassis import Feature, Query, Resource, Work

feature = Feature("ledger")

MAX_DIFFERENCES = 1_000


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """How many wallets and entries there are, and how many points were issued."""

    wallets: int
    entries: int
    issued: Decimal


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A balance that differs, and its sum."""

    membership_id: UUID
    bucket: str
    stands: Decimal
    recomputed: Decimal


class WalletDifference(Resource, row=DifferenceRow):
    """A wallet that is not the sum of its entries, or not the sum of its lots and holds."""

    membership_id: UUID
    """The membership."""
    bucket: str
    """The balance that differs."""
    stands: int
    """The stored balance."""
    recomputed: int
    """The balance that was computed again."""


class LedgerVerification(Resource, row=LedgerTotals, computed=("issued", "differences")):
    """The result of a check of all wallets. Without differences, all of them are correct."""

    wallets: int
    """The number of memberships that were checked."""
    entries: int
    """The number of ledger entries."""
    issued: int
    """All points that were ever issued."""
    differences: list[WalletDifference]
    """The balances that differ from their entries, at most 1,000."""


@feature.get("/ledger/verify", scope="loyalty:read", expensive=True)
async def verify_ledger(work: Work) -> LedgerVerification:
    """Compute every balance again from its entries and its lots, and return the first thousand differences."""
    totals = await work.fetch_row(_TOTALS)
    rows = await work.select(_DIFFERENCES, limit=MAX_DIFFERENCES)
    differences = [
        WalletDifference.from_row(row, stands=int(row.stands), recomputed=int(row.recomputed)) for row in rows
    ]
    return LedgerVerification.from_row(totals, issued=int(totals.issued), differences=differences)


_TOTALS = Query(
    LedgerTotals,
    """
    select (select count(*) from wallet) as wallets, count(*) as entries,
           coalesce(sum(points) filter (where from_bucket = 'issued'), 0) as issued
    from points_entry
    """,
)

# The balance of a bucket is its inflow less its outflow. The member owes a debt: points that move into it reduce it.
_DIFFERENCES = Query(
    DifferenceRow,
    """
    with moved as (
        select membership_id, to_bucket as bucket, points from points_entry
        union all
        select membership_id, from_bucket, -points from points_entry
    ), from_entries as (
        select membership_id, bucket, sum(points) * case bucket when 'debt' then -1 else 1 end as points
        from moved where bucket in ('pending', 'available', 'reserved', 'debt') group by membership_id, bucket
    ), stored as (
        select wallet.id as membership_id, bucket, points
        from wallet, lateral (values
            ('pending', pending), ('available', available), ('reserved', reserved), ('debt', debt)
        ) as balance(bucket, points)
    ), parts as (
        select membership_id, 'available' as bucket, remaining as points from lot
        union all
        select membership_id, 'pending', pending from lot
        union all
        select membership_id, 'reserved', points from redemption where state = 'reserved'
    ), from_parts as (
        select membership_id, bucket, sum(points) as points from parts group by membership_id, bucket
    )
    select membership_id, bucket, stored.points as stands, coalesce(from_entries.points, 0) as recomputed
    from stored left join from_entries using (membership_id, bucket)
    where stored.points <> coalesce(from_entries.points, 0)
    union all
    select membership_id, bucket || ' in lots and holds', stored.points, coalesce(from_parts.points, 0)
    from stored left join from_parts using (membership_id, bucket)
    where bucket <> 'debt' and stored.points <> coalesce(from_parts.points, 0)
    order by 1, 2 limit :limit
    """,
)
