"""Batches: up to a thousand items in a request, applied as if in sequence.

An invalid item gets its own problem, and the others are applied. That includes an item whose event or record is too
large: `work.publish` and `reject_too_large` raise before anything of the item is written.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from chassis.core.problems import Problem, ProblemDocument, from_validation
from chassis.http.schemas import RequestBody

MAX_BATCH_ITEMS = 1_000
Item = TypeVar("Item", bound=BaseModel)
Status = Literal["created", "updated", "unchanged", "refused"]
Outcome = tuple[Status, UUID] | Problem
"""The result of an item: its status and the id of its record, or the problem."""


class InvalidItem(Exception):
    """Takes the place of an item that its model rejects."""

    def __init__(self, error: ValidationError) -> None:
        self.error = error


def _catch_error(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        return InvalidItem(error)


class Batch(RequestBody, Generic[Item]):
    """The items of a batch."""

    items: list[Annotated[Item, WrapValidator(_catch_error)]] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)

    def valid_items(self) -> list[tuple[int, Item]]:
        """Return the valid items, each with its index."""
        return [(index, item) for index, item in enumerate(self.items) if not isinstance(item, InvalidItem)]


class BatchResult(BaseModel):
    """The result of an item."""

    index: int
    status: Status
    id: UUID | None
    problem: ProblemDocument | None


class BatchResults(BaseModel):
    """The result of each item, in order."""

    results: list[BatchResult]

    def locate(self, path: str, trace_id: str) -> None:
        """Add the path and the trace id of the request to the problems of its items."""
        for result in self.results:
            if result.problem is not None:
                result.problem.instance = path + result.problem.instance
                result.problem.trace_id = trace_id


def batch_response(batch: Batch[Any], outcomes: Mapping[int, Outcome]) -> BatchResults:
    """Return the response to a batch: the outcome of each valid item, and the problem of every other."""
    item_type = type(batch).model_fields["items"].annotation
    results = []
    for index, item in enumerate(batch.items):
        outcome = from_validation(item.error, item_type) if isinstance(item, InvalidItem) else outcomes[index]
        results.append(_result(index, outcome))
    return BatchResults.model_construct(results=results)


def _result(index: int, outcome: Outcome) -> BatchResult:
    if isinstance(outcome, Problem):
        problem = ProblemDocument(**outcome.document(f"#/items/{index}"))
        return BatchResult.model_construct(index=index, status="refused", id=None, problem=problem)
    return BatchResult.model_construct(index=index, status=outcome[0], id=outcome[1], problem=None)
