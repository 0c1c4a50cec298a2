"""The ledger's own proof: every balance computed again from its entries, and from its lots."""

from uuid import UUID

from pydantic import BaseModel

from chassis import Feature, Work

feature = Feature("ledger")

SHOWN = 1_000


class WalletDifference(BaseModel):
    """A wallet that is not the fold of its entries, or whose lots do not sum to what is available."""

    membership_id: UUID
    bucket: str
    stands: int
    recomputed: int


class LedgerVerification(BaseModel):
    """What a check of all wallets found; nothing differs when all is well."""

    wallets: int
    entries: int
    issued: int
    differences: list[WalletDifference]


@feature.get("/ledger/verify", scope="loyalty:read")
async def verify_ledger(work: Work) -> LedgerVerification:
    """Recomputes every balance from its entries and its lots, and says what differs (the first thousand)."""
    totals = await work.fetch_one(
        """
        select (select count(*) from wallet) as wallets, count(*) as entries,
               coalesce(sum(points) filter (where from_bucket = 'issued'), 0)::bigint as issued
        from points_entry
        """
    )
    assert totals is not None
    found = await work.fetch(_DIFFERENCES, SHOWN)
    return LedgerVerification(
        wallets=totals["wallets"],
        entries=totals["entries"],
        issued=totals["issued"],
        differences=[WalletDifference(**dict(row)) for row in found],
    )


# A bucket is what flowed in less what flowed out. Debt is owed to the program: what flows into it makes it less.
_DIFFERENCES = """
    with moved as (
        select membership_id, to_bucket as bucket, points from points_entry
        union all
        select membership_id, from_bucket, -points from points_entry
    ), folded as (
        select membership_id, bucket, (sum(points) * case bucket when 'debt' then -1 else 1 end)::bigint as points
        from moved where bucket in ('pending', 'available', 'reserved', 'debt') group by membership_id, bucket
    ), stands as (
        select wallet.id as membership_id, bucket, points
        from wallet, lateral (values
            ('pending', pending), ('available', available), ('reserved', reserved), ('debt', debt)
        ) as held(bucket, points)
    ), in_lots as (
        select membership_id, sum(remaining)::bigint as points from lot group by membership_id
    )
    select membership_id, bucket, stands.points as stands, coalesce(folded.points, 0) as recomputed
    from stands left join folded using (membership_id, bucket)
    where stands.points <> coalesce(folded.points, 0)
    union all
    select wallet.id, 'lots', available, coalesce(in_lots.points, 0)
    from wallet left join in_lots on in_lots.membership_id = wallet.id
    where available <> coalesce(in_lots.points, 0)
    order by 1, 2 limit $1
"""
