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

from chassis.types.rows import construct

SPEC_VERSION = "1.0"
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

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers of CloudEvents' binary mode."""
        attributes = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": str(self.id),
            "ce_source": f"/rapport/{self.source}",
            "ce_type": self.type,
            "ce_time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce_subject": self.subject,
            "ce_tenantid": str(self.tenant),
            "ce_sequence": str(self.sequence),
            "ce_actor": self.actor,
            "content-type": "application/json",
        }
        if self.traceparent:
            attributes["ce_traceparent"] = self.traceparent
        return [(name, value.encode()) for name, value in attributes.items()]

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

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    """The part of another service's event that this reader relies on."""

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
    def from_record(cls, envelope: Envelope, data: Any) -> Self:
        """Read an event's data. Raises pydantic.ValidationError if it lacks a field that this reader needs."""
        incoming = cls.model_validate(data)
        incoming._envelope = envelope
        return incoming


def topic_name(event_type: str, prefix: str) -> str:
    """Return the topic that carries a type: that of the publishing service."""
    return f"{prefix}.{event_type.partition('.')[0]}"
