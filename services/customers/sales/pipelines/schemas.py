"""Request and response bodies of pipelines."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, StrictBool, field_validator

from chassis import Fields, Line, MergePatch, Reference, RequestBody, Resource, ShortLine, decimal_string, invalid
from services.customers.sales import tables
from services.customers.sales.pipelines.events import MISSING_STAGE, REPEATED_STAGE
from services.customers.sales.queries.pipelines import PipelineStage
from services.customers.sales.rules.pipelines import REQUIRED_FIELD_PATTERN, StageKind

Percent = Annotated[Decimal, *decimal_string(3, 2, example="10", at_most=Decimal(100))]
PercentText = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?$", examples=["10"])]
RequiredField = Annotated[str, Field(pattern=REQUIRED_FIELD_PATTERN, examples=["expected_close_on"])]
Days = Annotated[int, Field(strict=True, ge=1, le=3650)]


class StageCreate(MergePatch):
    """A stage of a pipeline. With the `id` of a stage, it changes that stage."""

    never_null: ClassVar[frozenset[str]] = frozenset(("name", "kind"))

    id: UUID | None = None
    """The stage to change. Without it, the stage is new."""
    name: Line
    """The name of the stage."""
    kind: StageKind = "open"
    """Deals of an open stage are being made. The others are won or lost."""
    probability: Annotated[Decimal, *decimal_string(1, 4, example="0.25", at_most=Decimal(1))] | None = None
    """The probability that a deal of the stage is won, between 0 and 1. Default: 0, and always 1 for won deals."""
    required_fields: Annotated[list[RequiredField], Field(max_length=20)] | None = None
    """The fields that a deal needs to enter the stage: `amount`, `lines`, `owner_id`, `expected_close_on`,
    `competitor`, `source`, or `custom.<name>`."""
    stalled_after_days: Days | None = None
    """A deal that does not change for so many days has stalled. Null: never."""


class DiscountLimitFields(Fields):
    """The discount that a salesperson may grant."""

    actor: Reference
    """The principal, such as `key:<id>` or `user:<issuer>/<subject>`, as the history of a deal shows it."""


class DiscountLimitCreate(DiscountLimitFields, MergePatch):
    """The discount that a salesperson may grant."""

    never_null: ClassVar[frozenset[str]] = frozenset(("actor", "percent"))

    percent: Percent
    """The percentage of the deal's list prices."""


class DiscountLimit(DiscountLimitFields, Resource):
    """The discount that a salesperson may grant."""

    percent: PercentText
    """The percentage of the deal's list prices."""


def _require_every_kind(stages: list[StageCreate]) -> list[StageCreate]:
    kinds = {stage.kind for stage in stages}
    if len(kinds) < 3:
        raise invalid(MISSING_STAGE, "an open stage, a won stage and a lost stage are expected")
    names = [stage.name.casefold() for stage in stages]
    ids = [stage.id for stage in stages if stage.id is not None]
    if len(set(names)) < len(names) or len(set(ids)) < len(ids):
        raise invalid(REPEATED_STAGE, "each stage needs a name and an id of its own")
    return stages


class PipelineValues(Fields):
    """The fields that a request may set."""

    allows_skipping: StrictBool | None = None
    """Whether a deal may move forward past open stages. Default: true."""
    lost_reasons: Annotated[list[ShortLine], Field(max_length=50)] | None = None
    """Reasons of your own for which deals are lost, beside those of the API."""
    discount_percent: Percent | None = None
    """The discount that every salesperson may grant, as a percentage of list prices. Default: any."""
    discount_limits: Annotated[list[DiscountLimitCreate], Field(max_length=500)] | None = None
    """The discount that single salespersons may grant instead."""


class PipelineCreate(PipelineValues, RequestBody):
    """A pipeline to create. The first pipeline of a tenant is the default one."""

    example = {
        "name": "Wholesale",
        "stages": [
            {"name": "Talking", "probability": "0.2", "stalled_after_days": 30},
            {"name": "Offer", "probability": "0.6", "required_fields": ["amount", "expected_close_on"]},
            {"name": "Won", "kind": "won"},
            {"name": "Lost", "kind": "lost"},
        ],
        "lost_reasons": ["delivery time"],
        "discount_percent": "10",
    }

    name: Line
    """The name of the pipeline."""
    stages: Annotated[list[StageCreate], Field(min_length=3, max_length=50)]
    """The stages in order."""

    _check_stages = field_validator("stages")(_require_every_kind)


class PipelineUpdate(PipelineValues, MergePatch):
    """Fields to change. `stages` replaces all: name the stages that stay by their `id`."""

    example = {"lost_reasons": ["delivery time", "no licence"], "allows_skipping": False}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "stages", "is_default", "allows_skipping"))

    name: Line | None = None
    """The name of the pipeline."""
    stages: Annotated[list[StageCreate], Field(min_length=3, max_length=50)] | None = None
    """The stages in order. A stage that is left out is removed if it has no deals."""
    is_default: StrictBool | None = None
    """True makes it the pipeline of deals that name none, instead of the present one."""

    _check_stages = field_validator("stages")(_require_every_kind)


class Stage(PipelineStage):
    """A stage of a pipeline."""

    required_fields: list[str]
    """The fields that a deal needs to enter the stage."""
    stalled_after_days: int | None
    """A deal that does not change for so many days has stalled. Null: never."""


class Pipeline(Resource, row=tables.Pipeline, computed=("stages",), etag="version"):
    """A pipeline with its stages."""

    id: UUID
    """Identifies the pipeline."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the pipeline."""
    is_default: bool
    """Whether deals that name no pipeline belong to it."""
    allows_skipping: bool
    """Whether a deal may move forward past open stages."""
    lost_reasons: list[str]
    """Reasons of your own for which deals are lost."""
    discount_percent: PercentText | None
    """The discount that every salesperson may grant, or null for any."""
    discount_limits: list[DiscountLimit]
    """The discount that single salespersons may grant instead."""
    stages: list[Stage]
    """The stages in order."""
    created_at: datetime
    """When the pipeline was created."""
    updated_at: datetime
    """When the pipeline last changed."""

    @classmethod
    def of(cls, pipeline: tables.Pipeline, stages: Sequence[tables.Stage]) -> Self:
        """Return a pipeline with its stages."""
        return cls.from_row(pipeline, stages=[Stage.from_row(stage) for stage in stages])
