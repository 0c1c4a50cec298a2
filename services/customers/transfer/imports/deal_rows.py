"""Rows that are deals: each with the customer that it names, in a stage of a pipeline."""

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chassis import REQUIRED, UNKNOWN_RECORD, FieldCode, JobRun, UnitOfWork, ValidationFailed
from services.customers.sales.deals.schemas import DealUpdate
from services.customers.sales.deals.upserts import STAGE_CONTRADICTS, AppliedDeal, DealItem, upsert_deals
from services.customers.sales.queries.pipelines import stage_names
from services.customers.sales.rules.pipelines import DealState
from services.customers.transfer import tables
from services.customers.transfer.imports.batches import Rows
from services.customers.transfer.imports.plans import NumberedRecords, Plan, RowRefused
from services.customers.transfer.imports.schemas import ImportRequest

ONLY_FOR_DEALS = FieldCode(
    "only_for_deals",
    "The rows of the file are customers, and the field is about deals.",
    "Remove the field, or send the preset `salesforce_opportunities`.",
)


def reject_fields_of_deals(start: ImportRequest) -> None:
    """Raise ValidationFailed if the start of an import of customers has fields of deals."""
    for name in ("currency", "pipeline_id", "stages"):
        if getattr(start, name) is not None:
            raise ValidationFailed.field(f"/{name}", ONLY_FOR_DEALS, "the rows of the file are customers")


async def reject_unknown_stages(work: UnitOfWork, start: ImportRequest) -> None:
    """Raise ValidationFailed if a start names a pipeline or stages that do not exist."""
    names = await stage_names(work, start.pipeline_id)
    known = {name.casefold() for name in names}
    for stage, name in (start.stages or {}).items():
        if name.casefold() not in known:
            pointer = f"/stages/{stage.replace('~', '~0').replace('/', '~1')}"
            text = f"no stage is called {name}: the pipeline has {', '.join(names)}"
            raise ValidationFailed.field(pointer, UNKNOWN_RECORD, text)


async def import_deals(work: UnitOfWork, job: JobRun, plan: Plan, records: NumberedRecords) -> Rows:
    """Create or change the deals in records, which have their numbers."""
    parameters = job.parameters
    stages = {stage.casefold(): name for stage, name in (parameters["stages"] or {}).items()}
    rows, items = Rows(), []
    for number, record in records:
        try:
            items.append((number, _item_of(plan.values_of(record), stages, parameters["currency"])))
        except RowRefused as refusal:
            rows.refused[number] = refusal
    pipeline_id = None if parameters["pipeline_id"] is None else UUID(parameters["pipeline_id"])
    applied: dict[int, AppliedDeal] = {}
    async with work.trial() if parameters["dry_run"] else nullcontext():
        rows.outcomes = await upsert_deals(work, items, pipeline_id, applied)
    if not parameters["dry_run"]:
        await _store_changes(work, job.id, applied)
    return rows


def _item_of(values: dict[str, Any], stages: dict[str, str], currency: str | None) -> DealItem:
    """Return the deal that a row describes. Raises RowRefused."""
    (key, *others) = values.pop("external_ids", None) or [None]
    if key is None or others:
        raise RowRefused(REQUIRED, "external_ids", "needs the id of the deal in a single system")
    customer = values.pop("customer", None)
    if customer is None:
        raise RowRefused(REQUIRED, "customer", "needs the id of the customer in another system")
    stage, state = values.pop("stage", None), _state(values)
    if "amount" in values:
        values.setdefault("currency", currency)
        if values["currency"] is None:
            raise RowRefused("currency_needed", "amount", "is an amount without a currency: state that of the file")
    try:
        fields = DealUpdate.model_validate(values)
    except ValidationError as error:
        raise RowRefused.of(error) from None
    named = None if stage is None else stages.get(stage.casefold(), stage)
    return DealItem((key["source"], key["id"]), customer, named, state, fields)


def _state(values: dict[str, Any]) -> DealState | None:
    """Return the state that a row states: an empty cell states nothing, except beside that of a closed deal."""
    closed, won = values.pop("closed", None), values.pop("won", None)
    if won and closed is False:
        raise RowRefused(STAGE_CONTRADICTS, "won", "is a deal that is won and not closed")
    if won:
        return "won"
    if closed is None:
        return None
    return "lost" if closed else "open"


async def _store_changes(work: UnitOfWork, job_id: UUID, applied: dict[int, AppliedDeal]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "job_id": job_id,
            "row": number,
            "customer_id": change.customer_id,
            "deal_id": change.deal_id,
            "kind": "created" if change.is_new else "updated",
            "version": change.version,
            "before": change.before,
            "relation_ids": [],
            "created_at": work.now,
        }
        for number, change in applied.items()
    ]
    await work.insert_many(tables.ImportChange, rows)
