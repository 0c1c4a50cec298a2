"""Batches: up to a thousand items in one request, as if they came one after the other.

A bad item is refused with its problem, and the rest stand.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from chassis.problems import Problem, ProblemDocument, from_validation
from chassis.values import Wire

LONGEST = 1_000
Item = TypeVar("Item", bound=BaseModel)
Status = Literal["created", "updated", "unchanged", "refused"]


class Refused(Exception):
    """Stands in a batch for an item that its model refused."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _keep_refusal(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError as error:
        return Refused(from_validation(error))


class Batch(Wire, Generic[Item]):
    """The items of a batch; those that cannot be read stand there as `Refused`."""

    items: list[Annotated[Item, WrapValidator(_keep_refusal)]] = Field(min_length=1, max_length=LONGEST)

    def readable(self) -> list[tuple[int, Item]]:
        """The good items, each with its place."""
        return [(index, item) for index, item in enumerate(self.items) if not isinstance(item, Refused)]


class BatchResult(BaseModel):
    """What became of one item."""

    index: int
    status: Status
    id: UUID | None
    problem: ProblemDocument | None


class BatchResults(BaseModel):
    """What became of each item, in order."""

    results: list[BatchResult]


def results_of(batch: Batch[Any], outcomes: Mapping[int, tuple[Status, UUID] | Problem]) -> BatchResults:
    """The answer to a batch: the outcome of each readable item, and the refusal of every other."""
    results = []
    for index, item in enumerate(batch.items):
        outcome = item.problem if isinstance(item, Refused) else outcomes[index]
        if isinstance(outcome, Problem):
            results.append(
                BatchResult.model_construct(
                    index=index,
                    status="refused",
                    id=None,
                    problem=ProblemDocument(**outcome.document(f"/items/{index}")),
                )
            )
        else:
            results.append(BatchResult.model_construct(index=index, status=outcome[0], id=outcome[1], problem=None))
    return BatchResults.model_construct(results=results)
