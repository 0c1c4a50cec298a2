"""The job of an export: a thousand customers at a time, each as a part of the file."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import Chunk, Feature, Filter, JobFailed, JobRun, Query, UnitOfWork, condition, equals, file_path, json
from services.customers.people.customers.search import archived_filter, lookup_filters, nearby_filter
from services.customers.people.tables import Customer as CustomerRow
from services.customers.people.tables import Relation
from services.customers.transfer.exports.schemas import ExportFilterCreate
from services.customers.transfer.queries import EXPORT, export_folder, shape
from services.customers.transfer.rules.cells import csv_bytes
from services.customers.transfer.rules.sheets import DoesNotFit, cells_of, columns_of, document_of

feature = Feature("exports")
PAGE = 1_000
MAX_CUSTOM_COLUMNS = 1_000
MAX_RELATIONS = 200
"""Numbered relations of all kinds. Each has four columns."""
NO_ID = str(UUID(int=0))
_BEGIN: dict[str, Any] = {"after": NO_ID, "parts": 0, "size": 0, "columns": None}


@feature.job(EXPORT)
async def export_customers(work: UnitOfWork, job: JobRun) -> Chunk:
    """Write the next part of the file."""
    cursor = job.cursor or _BEGIN
    filters = filters_of(work, ExportFilterCreate.model_validate(job.parameters["filter"]))
    is_csv = job.parameters["format"] == "csv"
    columns = cursor["columns"] or (await _columns(work, filters) if is_csv else [])
    after = condition("id > :after", after=UUID(cursor["after"]))
    rows = await work.select(_NEXT.where([*filters, after]))
    relations = await _relations(work, rows)
    try:
        content = _content(rows, relations, columns, has_header=is_csv and cursor["parts"] == 0, is_csv=is_csv)
    except DoesNotFit:  # begin again, with more columns
        return Chunk(_BEGIN, done=-job.done)
    await job.files.write_whole(file_path(work.tenant.id, job.id, part_name(job.parameters, cursor["parts"])), content)
    return Chunk(
        {
            "after": str(rows[-1].id) if rows else cursor["after"],
            "parts": cursor["parts"] + 1,
            "size": cursor["size"] + len(content),
            "columns": columns,
        },
        done=len(rows),
        is_last=len(rows) < PAGE,
    )


def part_name(parameters: Mapping[str, Any], number: int) -> str:
    """Return the name of a part of the file."""
    return f"{export_folder(parameters)}{number:08}"


def filters_of(work: UnitOfWork, body: ExportFilterCreate) -> list[Filter]:
    """Return the conditions of a filter. Raises ValidationFailed for a value that cannot be looked up."""
    same = ("kind", "lifecycle", "state", "owner_id", "birthday", "strategic")
    filters = [*equals(**{name: getattr(body, name) for name in same}), archived_filter(archived=bool(body.archived))]
    if body.state is None:
        filters.append(condition("merged_into is null and erased_at is null"))
    filters += lookup_filters(work, body.email, body.phone, body.external_id)
    if body.tag is not None:
        filters.append(condition("tags && :tags", tags=body.tag))
    if body.account_kind is not None:
        filters.append(condition("account_kinds && :account_kinds", account_kinds=body.account_kind))
    if body.near is not None:
        filters.append(nearby_filter(body.near))
    for text, time in (
        ("created_at >= :time", body.created_from),
        ("created_at < :time", body.created_before),
        ("updated_at >= :time", body.updated_from),
        ("updated_at < :time", body.updated_before),
    ):
        if time is not None:
            filters.append(condition(text, time=time))
    return filters


async def _columns(work: UnitOfWork, filters: list[Filter]) -> list[str]:
    """Return the columns that the customers need. It reads all of them, so they are counted once."""
    (lengths,) = await work.select(_LONGEST.where(filters))
    custom = await work.select(_CUSTOM_NAMES.where(filters))
    if len(custom) > MAX_CUSTOM_COLUMNS:
        raise JobFailed("too_many_columns", "The customers have too many custom fields for columns. Use JSON Lines.")
    relations = {each.kind: each.most for each in await work.select(_MOST_RELATIONS.where(filters))}
    if sum(relations.values()) > MAX_RELATIONS:
        raise JobFailed("too_many_columns", "A customer has too many relations for columns. Use JSON Lines.")
    return columns_of(shape(), dict(zip(_OBJECTS, lengths, strict=True)), relations, custom)


async def _relations(work: UnitOfWork, rows: list[CustomerRow]) -> dict[UUID, list[Relation]]:
    """Return the relations that are stored at customers. Those at their other ends belong to the other customers."""
    relations: dict[UUID, list[Relation]] = defaultdict(list)
    for relation in await work.fetch(_RELATIONS, ids=[row.id for row in rows]):
        relations[relation.customer_id].append(relation)
    return relations


def _content(
    rows: list[CustomerRow],
    relations: Mapping[UUID, list[Relation]],
    columns: list[str],
    *,
    has_header: bool,
    is_csv: bool,
) -> bytes:
    records = [(row.__dict__, relations.get(row.id, [])) for row in rows]
    if not is_csv:
        return b"".join(json.dumps(document_of(record, related, shape())) + b"\n" for record, related in records)
    lines = [cells_of(record, related, shape(), columns) for record, related in records]
    return csv_bytes([columns, *lines] if has_header else lines)


@dataclass(frozen=True, slots=True)
class _Most:
    """The most relations of a kind that a customer has."""

    kind: str
    most: int


_OBJECTS = sorted(shape().objects)
_MOST_RELATIONS = Query(
    _Most,
    """
    select kind, max(relations) as most from (
        select kind, count(*) as relations from relation
        where customer_id <> related_customer_id and customer_id in (select id from customer where {where})
        group by customer_id, kind
    ) as counted
    group by kind
    """,
)
# A merge may leave a relation of a customer with itself, which no other read shows.
_RELATIONS = Query(
    Relation,
    """
    select * from relation where customer_id = any(:ids) and customer_id <> related_customer_id
    order by customer_id, kind, id
    """,
)
_LONGEST = Query(
    list[int],
    f"select array[{', '.join(f'coalesce(max(jsonb_array_length({name})), 0)' for name in _OBJECTS)}] "
    "from customer where {where}",
)
_CUSTOM_NAMES = Query(
    str,
    "select distinct field from customer cross join jsonb_object_keys(custom) as field where {where} "
    f"order by field limit {MAX_CUSTOM_COLUMNS + 1}",
)
_NEXT = Query(CustomerRow, f"select * from customer where {{where}} order by id limit {PAGE}")
