"""The ledger's own proof: every balance computed again from its entries, and from its lots."""

from uuid import UUID

from pydantic import BaseModel

from chassis import Feature, Work

feature = Feature("ledger")

SHOWN = 1_000


class WalletDifference(BaseModel):
    """A wallet that is not the fold of its entries, or whose lots and holds do not sum to it."""

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
    ), kept as (
        select membership_id, 'available' as bucket, remaining as points from lot
        union all
        select membership_id, 'pending', pending from lot
        union all
        select membership_id, 'reserved', points from redemption where state = 'reserved'
    ), summed as (
        select membership_id, bucket, sum(points)::bigint as points from kept group by membership_id, bucket
    )
    select membership_id, bucket, stands.points as stands, coalesce(folded.points, 0) as recomputed
    from stands left join folded using (membership_id, bucket)
    where stands.points <> coalesce(folded.points, 0)
    union all
    select membership_id, bucket || ' in lots and holds', stands.points, coalesce(summed.points, 0)
    from stands left join summed using (membership_id, bucket)
    where bucket <> 'debt' and stands.points <> coalesce(summed.points, 0)
    order by 1, 2 limit $1
"""
