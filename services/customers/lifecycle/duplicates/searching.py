"""The search for duplicates, in chunks of records, and what merges mean for pairs.

A record has a row with the version that was compared. So a search reads exactly those that are new or have changed,
and after a search that ended early, the next search compares the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Chunk, Command, Feature, JobRun, Moves, Query, UnitOfWork
from services.customers.lifecycle import tables
from services.customers.lifecycle.duplicates.events import DuplicateFound
from services.customers.lifecycle.rules.duplicates import RULES, keys_of
from services.customers.people.rules import contacts, likeness
from services.customers.people.rules.likeness import Traits

feature = Feature("duplicates")
KIND = "duplicate_search"
CHUNK_SIZE = 1_000
MAX_BLOCK = 30
"""A record is compared with this many that have the same key. A key of more records says little."""
BEFORE_ALL = UUID(int=0)
IS_CURRENT = "merged_into is null and erased_at is null and archived_at is null"


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """A record that is new, or has changed since it was compared, as far as it is compared."""

    id: UUID
    version: int
    is_new: bool
    kind: str
    given_name: str | None
    family_name: str | None
    name: str | None
    emails: list[contacts.EmailDocument]
    phones: list[contacts.PhoneDocument]
    addresses: list[dict[str, Any]]
    birth_date: date | None
    birthday: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that have a key in common."""

    first_id: UUID
    second_id: UUID


@dataclass(frozen=True, slots=True)
class StoredTraits:
    """The attributes of a record that was compared before."""

    customer_id: UUID
    traits: list[Any]


@feature.job(KIND)
async def compare_records(work: UnitOfWork, job: JobRun) -> Chunk:
    """Compare the next records with those that have a key in common, and store the pairs."""
    # Two chunks at a time would not see the keys of each other.
    await work.execute(_LOCK)
    if job.cursor is None:
        await work.execute(_DELETE_KEYS_WITHOUT_RECORD)
        total = await work.fetch_row(_COUNT_CHANGED, rules=RULES)
        return Chunk({"after": str(BEFORE_ALL), "found": 0}, total=total, is_last=total == 0)
    changed = await work.fetch(_CHANGED, after=UUID(job.cursor["after"]), rules=RULES, most=CHUNK_SIZE)
    traits = {record.id: likeness.traits_of(record) for record in changed}
    found = await _store_pairs(work, traits, await _store_keys(work, changed, traits))
    after = changed[-1].id if changed else job.cursor["after"]
    return Chunk(
        {"after": str(after), "found": job.cursor["found"] + found},
        done=len(changed),
        is_last=len(changed) < CHUNK_SIZE,
    )


async def _store_keys(
    work: UnitOfWork, changed: Sequence[ChangedRecord], traits: Mapping[UUID, Traits]
) -> Sequence[Pair]:
    """Store the attributes and the keys of records. Returns the pairs that they are part of."""
    rows = [
        {"customer_id": record.id, "version": record.version, "traits": traits[record.id].to_document()}
        for record in changed
    ]
    await work.execute(_STORE_TRAITS, rows=rows, rules=RULES)
    await work.execute(_DELETE_KEYS, ids=[record.id for record in changed if not record.is_new])
    keys = [(record.id, key) for record in changed for key in keys_of(traits[record.id])]
    columns = {"ids": [id for id, _ in keys], "keys": [key for _, key in keys]}
    await work.execute(_INSERT_KEYS, **columns)
    return await work.fetch(_PAIRS, **columns, most=MAX_BLOCK)


async def _store_pairs(work: UnitOfWork, traits: Mapping[UUID, Traits], pairs: Sequence[Pair]) -> int:
    """Store the pairs that may be duplicates, and publish the new ones. Returns the number of all that were found.

    Open pairs of the records that may no longer be duplicates are removed.
    """
    others = {id for pair in pairs for id in (pair.first_id, pair.second_id)} - traits.keys()
    stored = await work.fetch(_TRAITS, ids=list(others))
    known = {**traits, **{row.customer_id: Traits.from_document(row.traits) for row in stored}}
    found = list(_duplicates(pairs, known))
    for pair in await work.fetch(_STORE, rows=found, now=work.now):
        work.publish(DuplicateFound.of(pair))
    await work.execute(
        _DELETE_OUTDATED,
        ids=list(traits),
        first_ids=[pair["first_id"] for pair in found],
        second_ids=[pair["second_id"] for pair in found],
    )
    return len(found)


def _duplicates(pairs: Sequence[Pair], traits: Mapping[UUID, Traits]) -> Iterator[dict[str, Any]]:
    for pair in pairs:
        first, second = traits.get(pair.first_id), traits.get(pair.second_id)
        if first is None or second is None:
            continue
        evidence = likeness.compare(first, second)
        points = likeness.total(evidence)
        if points >= likeness.ENOUGH:
            score = likeness.score(points)
            yield {"first_id": pair.first_id, "second_id": pair.second_id, "score": score, "evidence": evidence}


@feature.moves(tables.Duplicate)
async def follow_merges(work: UnitOfWork, moved: Moves) -> None:
    """Close the pairs whose records have been merged, and open those whose merge has been undone."""
    await work.execute(
        _FOLLOW_MERGES,
        changed=list(moved.changed),
        ids=list(moved.targets),
        targets=list(moved.targets.values()),
        now=work.now,
    )


_LOCK = Command("select pg_advisory_xact_lock(hashtextextended('duplicates ' || current_setting('app.tenant'), 0))")
_IS_CHANGED = f"""
    from customer left join compared_record as compared on compared.customer_id = customer.id
    where {IS_CURRENT}
        and (compared.version, compared.rules) is distinct from (customer.version, :rules)
"""
_COUNT_CHANGED = Query(int, f"select count(*) {_IS_CHANGED}")
# An erasure waits for the lock: it would not see the attributes that this transaction is about to store.
_CHANGED = Query(
    ChangedRecord,
    f"""
    select customer.id, customer.version, compared.id is null as is_new, kind, given_name, family_name, name, emails,
        phones, addresses, birth_date, birthday
    {_IS_CHANGED} and customer.id > :after order by customer.id limit :most for share of customer
    """,
)
# An import that was undone removes customers without their keys.
_DELETE_KEYS_WITHOUT_RECORD = Command(
    """
    delete from match_key
    where not exists (select from compared_record where compared_record.customer_id = match_key.customer_id)
    """
)
_STORE_TRAITS = Command(
    """
    insert into compared_record (customer_id, version, rules, traits)
    select customer_id, version, :rules, traits
    from json_to_recordset(:rows::json) as new(customer_id uuid, version bigint, traits jsonb)
    on conflict (tenant_id, customer_id) do update
    set version = excluded.version, rules = excluded.rules, traits = excluded.traits
    """
)
_DELETE_KEYS = Command("delete from match_key where customer_id = any(:ids)")
_INSERT_KEYS = Command(
    "insert into match_key (customer_id, key) select * from unnest(:ids::uuid[], :keys::bigint[]) order by 2"
)
# The look-up of each key reads the first entries of the index, however many records have the key.
_PAIRS = Query(
    Pair,
    """
    select distinct least(own.customer_id, other.customer_id) as first_id,
        greatest(own.customer_id, other.customer_id) as second_id
    from unnest(:ids::uuid[], :keys::bigint[]) as own(customer_id, key) cross join lateral (
        select customer_id from match_key where match_key.key = own.key order by key, customer_id limit :most
    ) as other
    where other.customer_id <> own.customer_id
    """,
)
_TRAITS = Query(
    StoredTraits,
    f"""
    select customer_id, traits from unnest(:ids::uuid[]) as asked(customer_id) cross join lateral (
        select traits from compared_record where compared_record.customer_id = asked.customer_id limit 1
    ) as compared cross join lateral (
        select from customer where customer.id = asked.customer_id and {IS_CURRENT} limit 1
    ) as current
    """,
)
# It returns the new pairs: the version of a pair that was known is above 1 when it changes.
_STORE = Query(
    tables.Duplicate,
    """
    with stored as (
        insert into duplicate (first_id, second_id, state, score, evidence, version, created_at, updated_at)
        select first_id, second_id, 'open', score, evidence, 1, :now, :now
        from json_to_recordset(:rows::json) as new(first_id uuid, second_id uuid, score integer, evidence jsonb)
        on conflict (tenant_id, first_id, second_id) do update
        set score = excluded.score, evidence = excluded.evidence, version = duplicate.version + 1, updated_at = :now
        where duplicate.state = 'open' and duplicate.evidence <> excluded.evidence
        returning *
    )
    select * from stored where version = 1
    """,
)
_DELETE_OUTDATED = Command(
    """
    delete from duplicate
    where state = 'open' and reported_by is null and id in (
        select id from duplicate where first_id = any(:ids) union select id from duplicate where second_id = any(:ids)
    ) and (first_id, second_id) not in (select * from unnest(:first_ids::uuid[], :second_ids::uuid[]))
    """
)
_FOLLOW_MERGES = Command(
    """
    with target as (
        select * from unnest(:ids::uuid[], :targets::uuid[]) as target(id, target_id)
    ), followed as (
        select duplicate.id,
            coalesce(one.target_id, first_id) = coalesce(other.target_id, second_id) as is_merged
        from duplicate left join target as one on one.id = first_id left join target as other on other.id = second_id
        where first_id = any(:changed) or second_id = any(:changed)
    )
    update duplicate set state = case when is_merged then 'merged' else 'open' end,
        version = version + 1, updated_at = :now
    from followed where followed.id = duplicate.id and is_merged <> (state = 'merged')
    """
)
