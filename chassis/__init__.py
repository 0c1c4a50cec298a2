"""The chassis: the base of every service of Rapport. It contains no business term.

The author of a feature imports from here, and from nowhere below.
"""

from chassis.core.events import Event, IncomingEvent
from chassis.core.field_errors import FieldError
from chassis.core.identity import Caller, Tenant, TenantFacts, TenantKind
from chassis.core.problems import (
    MalformedRequest,
    MissingScope,
    NotFound,
    Problem,
    ValidationFailed,
    VersionMismatch,
)
from chassis.core.settings import Settings
from chassis.db.statements import Command, Filter, Query, condition, equals
from chassis.db.tables import (
    DatabaseFunction,
    DatabaseView,
    Table,
    Versioned,
    belongs_to,
    bigint,
    check,
    choice,
    document,
    index,
    new_registry,
    text_list,
    timestamp,
    unique,
)
from chassis.db.transaction import RetryTransaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import Feature
from chassis.http.batches import Batch, BatchResults, Outcome, batch_response
from chassis.http.clocks import MAX_CLOCK_SKEW, reject_future
from chassis.http.context import Work
from chassis.http.etags import IfMatch, merge_patch
from chassis.http.pagination import Page, PageParams, PageRequest, TimeRange, paginate, time_range
from chassis.http.schemas import Accepted, Fields, RequestBody, Resource, Upserted
from chassis.messaging.status import ServiceStatus
from chassis.service import Running, Service
from chassis.types import json
from chassis.types.codes import (
    CURRENCY_WITHDRAWN,
    IN_THE_FUTURE,
    NOT_AFTER,
    NOT_AN_AMOUNT,
    REQUIRED,
    TOO_LARGE,
    TOO_SMALL,
    UNKNOWN_RECORD,
    WRONG_FORMAT,
    FieldCode,
    invalid,
)
from chassis.types.currencies import require_currency_at
from chassis.types.documents import MAX_DOCUMENT_BYTES, JsonObject, require_storable
from chassis.types.ids import uuid7
from chassis.types.money import (
    AMOUNT_PATTERN,
    POSITIVE_AMOUNT_PATTERN,
    AmountText,
    Currency,
    CurrentCurrency,
    Money,
    Quantity,
    UnitPrice,
    decimal_string,
    minor_from_text,
    text_from_minor,
)
from chassis.types.text import (
    Line,
    Lines,
    MultilineText,
    Reference,
    ShortLine,
    Subject,
    normalize_email,
    normalize_phone,
)
from chassis.types.times import LATEST, Day, Instant, Moment, Timezone, first_instant, last_instant

__all__ = [
    "AMOUNT_PATTERN",
    "CURRENCY_WITHDRAWN",
    "IN_THE_FUTURE",
    "LATEST",
    "MAX_CLOCK_SKEW",
    "MAX_DOCUMENT_BYTES",
    "NOT_AFTER",
    "NOT_AN_AMOUNT",
    "POSITIVE_AMOUNT_PATTERN",
    "REQUIRED",
    "TOO_LARGE",
    "TOO_SMALL",
    "UNKNOWN_RECORD",
    "WRONG_FORMAT",
    "Accepted",
    "AmountText",
    "Batch",
    "BatchResults",
    "Caller",
    "Command",
    "Currency",
    "CurrentCurrency",
    "DatabaseFunction",
    "DatabaseView",
    "Day",
    "Event",
    "Feature",
    "FieldCode",
    "FieldError",
    "Fields",
    "Filter",
    "IfMatch",
    "IncomingEvent",
    "Instant",
    "JsonObject",
    "Line",
    "Lines",
    "MalformedRequest",
    "MissingScope",
    "Moment",
    "Money",
    "MultilineText",
    "NotFound",
    "Outcome",
    "Page",
    "PageParams",
    "PageRequest",
    "Problem",
    "Quantity",
    "Query",
    "Reference",
    "RequestBody",
    "Resource",
    "RetryTransaction",
    "Running",
    "Service",
    "ServiceStatus",
    "Settings",
    "ShortLine",
    "Subject",
    "Table",
    "Tenant",
    "TenantFacts",
    "TenantKind",
    "TimeRange",
    "Timezone",
    "UnitOfWork",
    "UnitPrice",
    "Upserted",
    "ValidationFailed",
    "VersionMismatch",
    "Versioned",
    "Work",
    "batch_response",
    "belongs_to",
    "bigint",
    "check",
    "choice",
    "condition",
    "decimal_string",
    "document",
    "equals",
    "first_instant",
    "index",
    "invalid",
    "json",
    "last_instant",
    "merge_patch",
    "minor_from_text",
    "new_registry",
    "normalize_email",
    "normalize_phone",
    "paginate",
    "reject_future",
    "require_currency_at",
    "require_storable",
    "text_from_minor",
    "text_list",
    "time_range",
    "timestamp",
    "unique",
    "uuid7",
]
