"""Batches: up to a thousand items in a request, applied as if in sequence.

An invalid item gets its own problem, and the others are applied.
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

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _catch_error(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        return InvalidItem(from_validation(error))


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


def batch_response(batch: Batch[Any], outcomes: Mapping[int, Outcome]) -> BatchResults:
    """Return the response to a batch: the outcome of each valid item, and the problem of every other."""
    results = []
    for index, item in enumerate(batch.items):
        outcome = item.problem if isinstance(item, InvalidItem) else outcomes[index]
        results.append(_result(index, outcome))
    return BatchResults.model_construct(results=results)


def _result(index: int, outcome: Outcome) -> BatchResult:
    if isinstance(outcome, Problem):
        problem = ProblemDocument(**outcome.document(f"/items/{index}"))
        return BatchResult.model_construct(index=index, status="refused", id=None, problem=problem)
    return BatchResult.model_construct(index=index, status=outcome[0], id=outcome[1], problem=None)
