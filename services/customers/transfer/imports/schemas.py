"""Request and response bodies of imports, and their problems."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from chassis import CurrentCurrency, JobState, Line, Problem, RequestBody, Resource, ShortLine
from services.customers.customization.rules.custom_fields import RecordKind
from services.customers.people.rules.records import CustomerKind
from services.customers.transfer.rules.encodings import Encoding
from services.customers.transfer.rules.mapping import DateOrder
from services.customers.transfer.rules.presets import Preset

FileFormat = TypeAliasType("FileFormat", Literal["csv", "jsonl"])
Delimiter = TypeAliasType("Delimiter", Literal["comma", "semicolon", "tab", "pipe"])
MAX_COLUMNS = 1_000
MAX_STAGES = 100


class EmptyFile(Problem, status=422):
    """The file contains no record.

    Send a file with a header and at least one row, or with at least one line of JSON.
    """


class NoHeader(Problem, status=422):
    """The first row does not look like the names of columns.

    It contains an address, a number or a date, or nothing. Add a row with the names of the columns.
    """


class RepeatedColumn(Problem, status=422):
    """Several columns have the same name.

    `columns` gives the numbers of the columns of each such name. Give every column a name of its own.
    """


class UnreadableFile(Problem, status=422):
    """The file is not a text in its encoding, or not in its format.

    State the encoding in the query if it was not recognized, or save the file as UTF-8.
    """


class AlreadyReverted(Problem, status=409):
    """The import has been reverted, or is being reverted.

    Read it again: `revert` shows the progress and the result.
    """


class ImportRequest(RequestBody):
    """Where the columns of a file go, and how they are read."""

    example = {"kind": "person", "mapping": {"email": "emails.1", "amount": "custom.amount:number"}, "locale": "nl"}

    mapping: Annotated[dict[Line, Line], Field(max_length=MAX_COLUMNS)] | None = None
    """The target of each column, such as `given_name`, `emails.work`, `addresses.1.city`, `external_ids.till`,
    `relations.account.till` or `custom.amount:number`. Those of deals are `name`, `customer.till`, `stage`, `closed`,
    `won`, `amount`, `currency`, `expected_close_on`, `owner_id`, `competitor` and `source`. Columns without a target
    are ignored. By default, columns go where their names say."""
    preset: Preset | None = None
    """The columns of another system's export. `mapping` adds to it. Rows of `salesforce_opportunities` are deals."""
    kind: CustomerKind | None = None
    """The kind of records in rows that do not say it. Default: that of the preset, or `person`."""
    locale: ShortLine | None = None
    """The locale of the numbers, such as `nl` for `1.234,56`. Without it, only `1234.56` is a number."""
    dates: DateOrder = "year_month_day"
    """The order of day, month and year in dates."""
    currency: CurrentCurrency | None = None
    """The currency of amounts in rows that do not name one. Only for deals."""
    pipeline_id: UUID | None = None
    """The pipeline of new deals. Default: the default pipeline."""
    stages: Annotated[dict[Line, Line], Field(max_length=MAX_STAGES)] | None = None
    """The names of the pipeline's stages for stages that the file calls otherwise. Only for deals."""
    dry_run: Annotated[bool, Field(strict=True)] = False
    """Check all rows and change nothing."""


class JobFailure(BaseModel):
    """Why a job failed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    code: str
    """The reason, for programs."""
    detail: str
    """The reason, as a sentence."""


class KeptRecord(BaseModel):
    """A record that a revert has left alone."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    customer_id: UUID
    """The customer."""
    deal_id: UUID | None
    """The deal of the customer in an import of deals, else null."""
    reason: Literal["changed_since", "in_use", "values_refused"]
    """The record has changed since the import, other records refer to it, or its former values are not valid now."""


class ImportRevert(BaseModel):
    """The progress and the result of undoing an import."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    state: JobState
    """The state of the job."""
    removed: int
    """Records that the import had created, and that were removed."""
    restored: int
    """Records that have their former values again."""
    kept_count: int
    """Records that were left alone."""
    kept: list[KeptRecord]
    """The first thousand of them."""


class CustomerImport(Resource):
    """A file of customers or deals, and the progress of its import."""

    id: UUID
    """Identifies the import."""
    state: JobState
    """`ready` after the upload, `queued` after the start."""
    format: FileFormat
    """The format of the file."""
    size: int
    """The size of the file in bytes."""
    encoding: Encoding
    """The encoding that the file had."""
    delimiter: Delimiter | None
    """The sign between two cells, or null in JSON Lines."""
    columns: list[str]
    """The names of the columns. JSON Lines has none."""
    record_kind: RecordKind
    """The kind of records in the file: as started, or as it would be by default."""
    preset: Preset | None
    """The preset in use, or the one whose columns the file has."""
    mapping: dict[str, str]
    """The target of each column: as started, or as it would be by default."""
    dry_run: bool
    """True if nothing is changed."""
    done: int
    """Rows that are done, the refused ones included."""
    created: int
    """Records that were created."""
    updated: int
    """Rows that changed a record."""
    unchanged: int
    """Rows whose record had their values already."""
    refused: int
    """Rows that were refused. `/errors` lists them with the reasons."""
    unrelated: int
    """Rows whose customer is imported without a relation, because the related customer is not known or may not be
    related. `/errors` lists them too."""
    progress: float
    """The share of the file that is done, from 0 to 1."""
    failure: JobFailure | None
    """Why the job failed, if it did."""
    revert: ImportRevert | None
    """The job that undoes it, if there is one."""
    created_at: datetime
    """When the file was uploaded."""
    started_at: datetime | None
    """When the first rows were done."""
    finished_at: datetime | None
    """When it ended."""


Counts = dict[str, int]


def counts_of(result: dict[str, Any] | None) -> Counts:
    """Return the counts of a job's result."""
    names = ("created", "updated", "unchanged", "refused", "unrelated")
    return {name: (result or {}).get(name, 0) for name in names}
