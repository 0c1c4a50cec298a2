"""Events: the facts a service publishes, the parts of them that others read, and the CloudEvents envelope.

The publisher owns its `Event`. A reader declares only the fields it needs as an `IncomingEvent` and ignores the rest,
so a publisher may add fields. `tests/contract/test_events.py` compares the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

from chassis.types import json
from chassis.types.rows import construct

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
MAX_EVENT_BYTES = 1_000_000
"""Maximum size of an event's data: a record with its headers is below the 1 MiB that Kafka accepts by default.

The publishing transaction fails above it.
"""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of an event beside its data: CloudEvents 1.0, and Rapport's extensions."""

    id: UUID
    type: str
    tenant: UUID
    subject: str
    """The partition key: the customer's id, or the record's own if there is no customer."""
    time: datetime
    actor: str
    sequence: int
    """Increases with each change of a record. Gaps are normal."""
    traceparent: str | None

    @property
    def source(self) -> str:
        """The publishing service."""
        return self.type.partition(".")[0]

    @property
    def key(self) -> bytes:
        """The Kafka key. It keeps a publisher's events about the same customer in order."""
        return f"{self.tenant}:{self.subject}".encode()

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of CloudEvents, by name."""
        attributes = {
            "specversion": SPEC_VERSION,
            "id": str(self.id),
            "source": f"/rapport/{self.source}",
            "type": self.type,
            "time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "subject": self.subject,
            "tenantid": str(self.tenant),
            "sequence": str(self.sequence),
            "actor": self.actor,
        }
        if self.traceparent:
            attributes["traceparent"] = self.traceparent
        return attributes

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers of CloudEvents' binary mode."""
        headers = {f"ce_{name}": value for name, value in self.attributes.items()} | {"content-type": CONTENT_TYPE}
        return [(name, value.encode()) for name, value in headers.items()]

    def to_json(self, data: str) -> bytes:
        """Return the event in CloudEvents' JSON format (structured mode). `data` is JSON and is copied unchanged."""
        return json.dumps({**self.attributes, "datacontenttype": CONTENT_TYPE, "data": json.Written(data)})

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]]) -> "Envelope":
        """Return the envelope of a Kafka record. Raises ValueError or KeyError if headers are missing or invalid."""
        attributes = {name: value.decode() for name, value in headers}
        if attributes["ce_specversion"] != SPEC_VERSION:
            raise ValueError(f"CloudEvents {attributes['ce_specversion']} is not supported")
        return cls(
            id=UUID(attributes["ce_id"]),
            type=attributes["ce_type"],
            tenant=UUID(attributes["ce_tenantid"]),
            subject=attributes["ce_subject"],
            time=datetime.fromisoformat(attributes["ce_time"]),
            actor=attributes.get("ce_actor", ""),
            sequence=int(attributes.get("ce_sequence", "0")),
            traceparent=attributes.get("ce_traceparent"),
        )


class Event(BaseModel):
    """A fact that a service publishes.

    `class PointsEarned(Event, type="loyalty.points_earned.v1", partition_key="customer_id")`. Every field is always
    present, so readers can rely on what the schema shows. A base class without a type shares fields between events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    event_type: ClassVar[str]
    key_field: ClassVar[str]
    published: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()  # the keywords of the class statement are for the method below

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str = "", partition_key: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not type:
            return
        if partition_key not in cls.model_fields and not isinstance(getattr(cls, partition_key, None), property):
            raise TypeError(f"{cls.__name__} has no field or property {partition_key!r} for its partition key")
        if type in Event.published:
            raise TypeError(f"{type} is already published by {Event.published[type].__name__}")
        cls.event_type, cls.key_field = type, partition_key
        Event.published[type] = cls

    @classmethod
    def from_row(cls, row: Any, **computed: Any) -> Self:
        """Build the event from a row, without validation. `computed` supplies the fields that are not columns."""
        return construct(cls, row, **computed)

    @property
    def subject(self) -> str:
        """The value of the partition key: a field, or a property if the field may be empty."""
        return str(getattr(self, self.key_field))


class IncomingEvent(BaseModel):
    """The part of another service's event that this reader relies on.

    `class PurchaseRecorded(IncomingEvent, type="interactions.purchase_recorded.v1")`. A type of `interactions.*` reads
    every event of the service.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]

    _envelope: Envelope = PrivateAttr()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.event_type = type

    @property
    def envelope(self) -> Envelope:
        """The event's id, time, tenant and actor."""
        return self._envelope

    @classmethod
    def from_record(cls, envelope: Envelope, value: bytes) -> Self:
        """Read an event's data.

        Raises ValueError if it is not JSON, and pydantic.ValidationError if it lacks a field that this reader needs.
        """
        incoming = cls.model_validate(json.loads(value))
        incoming._envelope = envelope
        return incoming


class WholeEvent(IncomingEvent):
    """An event with all of its data, for a reader that passes events on. Its type is often a pattern."""

    _data: str = PrivateAttr()

    @property
    def data(self) -> str:
        """The data, as the publisher wrote it: a JSON object."""
        return self._data

    @classmethod
    def from_record(cls, envelope: Envelope, value: bytes) -> Self:
        """Keep the data of an event. Raises ValueError unless it is a JSON object."""
        if not isinstance(json.loads(value), dict):
            raise ValueError("the data is not a JSON object")
        incoming = cls()
        incoming._envelope, incoming._data = envelope, value.decode()
        return incoming


def matches(pattern: str, type: str) -> bool:
    """Return whether a type matches a pattern: the type itself, all of a service (`loyalty.*`), or all (`*`)."""
    return pattern in (type, "*") or (pattern.endswith(".*") and type.startswith(pattern[:-1]))


def topic_name(event_type: str, prefix: str) -> str:
    """Return the topic that carries a type: that of the publishing service."""
    return f"{prefix}.{event_type.partition('.')[0]}"
