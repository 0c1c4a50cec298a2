"""Batches: up to a thousand items in a request, applied as if in sequence.

An invalid item gets its own problem, and the others are applied. That includes an item whose event or record is too
large: `work.publish` and `reject_too_large` raise before anything of the item is written.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from typing_extensions import TypeAliasType

from chassis.core.field_errors import MAX_ERRORS
from chassis.core.problems import Problem, ProblemDocument, from_validation
from chassis.http.schemas import RequestBody, record_name

MAX_BATCH_ITEMS = 1_000
MAX_BATCH_ERRORS = 5_000
"""After this many errors of a batch, only the first error of each further item is listed."""
SLICE_SECONDS = 0.005
"""How long items are validated before other requests get a turn."""
Item = TypeVar("Item", bound=BaseModel)
BatchStatus = TypeAliasType("BatchStatus", Literal["created", "updated", "unchanged", "refused"])
Outcome = tuple[BatchStatus, UUID] | Problem
"""The result of an item: its status and the id of its record, or the problem."""


class InvalidItem:
    """Takes the place of an item that its model rejects."""

    def __init__(self, error: ValidationError) -> None:
        self.error: ValidationError | None = error
        self.problem: Problem | None = None

    def explain(self, item_type: Any, most: int) -> int:
        """Replace the error, which refers to the whole item, by its problem. Returns the number of its errors."""
        if self.error is not None:
            self.problem, self.error = from_validation(self.error, item_type, most), None
        return len(self.problem.errors) if self.problem else 0


_NOT_VALIDATED = object()


def _catch_error(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    if value is _NOT_VALIDATED or isinstance(value, (BaseModel, InvalidItem)):
        return value
    try:
        return validate(value)
    except ValidationError as error:
        return InvalidItem(error.with_traceback(None))  # whose frames would keep the whole batch


class Batch(RequestBody, Generic[Item]):
    """The items of a batch."""

    # Pydantic would look for docstrings in the source again for the batch of each resource.
    model_config = ConfigDict(use_attribute_docstrings=False)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return `PurchaseBatch` for items of the class PurchaseCreate."""
        return f"{record_name(params[0])}Batch"

    @classmethod
    def media_example(cls) -> dict[str, Any] | None:
        """Return a batch of the item's example."""
        item = next(iter(get_args(next(iter(get_args(_item_type(cls)))))))
        return {"items": [item.example]} if getattr(item, "example", None) else None

    items: list[Annotated[Item, WrapValidator(_catch_error)]] = Field(
        min_length=1, max_length=MAX_BATCH_ITEMS, description="The items, applied as if in sequence."
    )

    def valid_items(self) -> list[tuple[int, Item]]:
        """Return the valid items, each with its index."""
        return [(index, item) for index, item in enumerate(self.items) if not isinstance(item, InvalidItem)]


async def validate_items(batch: type[Batch[Any]], body: Any) -> Any:
    """Return the body of a batch with validated items. Other requests are served in between."""
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        return body
    if len(items) > MAX_BATCH_ITEMS:  # rejected for their number alone
        return body | {"items": [_NOT_VALIDATED] * len(items)}
    adapter, validated, errors, began = _item_adapter(batch), [], 0, time.perf_counter()
    for value in items:
        item = adapter.validate_python(value, from_attributes=True)  # as FastAPI validates a body
        if isinstance(item, InvalidItem):
            errors += item.explain(_item_type(batch), MAX_ERRORS if errors < MAX_BATCH_ERRORS else 1)
        validated.append(item)
        if time.perf_counter() - began > SLICE_SECONDS:
            await asyncio.sleep(0)
            began = time.perf_counter()
    return body | {"items": validated}


@cache
def _item_adapter(batch: type[Batch[Any]]) -> TypeAdapter[Any]:
    (item,) = get_args(_item_type(batch))
    return TypeAdapter(item)


def _item_type(batch: type[Batch[Any]]) -> Any:
    return batch.model_fields["items"].annotation


class BatchResult(BaseModel):
    """The result of an item."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    index: int
    """The position of the item in the request, from 0."""
    status: BatchStatus
    """The outcome. Only a refused item has a problem."""
    id: UUID | None
    """The record of the item, or null if it was refused."""
    problem: ProblemDocument | None
    """The reason for a refusal, else null."""


class BatchResults(BaseModel):
    """The result of each item, in order."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    results: list[BatchResult]
    """A result for each item."""

    def locate(self, path: str, trace_id: str) -> None:
        """Add the path and the trace id of the request to the problems of its items."""
        for result in self.results:
            if result.problem is not None:
                result.problem.instance = path + result.problem.instance
                result.problem.trace_id = trace_id


def batch_response(batch: Batch[Any], outcomes: Mapping[int, Outcome]) -> BatchResults:
    """Return the response to a batch: the outcome of each valid item, and the problem of every other."""
    results = []
    for index, item in enumerate(batch.items):
        if isinstance(item, InvalidItem):
            assert item.problem is not None
            results.append(_result(index, item.problem))
        else:
            results.append(_result(index, outcomes[index]))
    return BatchResults.model_construct(results=results)


def _result(index: int, outcome: Outcome) -> BatchResult:
    if isinstance(outcome, Problem):
        problem = ProblemDocument(**outcome.document(f"#/items/{index}"))
        return BatchResult.model_construct(index=index, status="refused", id=None, problem=problem)
    return BatchResult.model_construct(index=index, status=outcome[0], id=outcome[1], problem=None)
