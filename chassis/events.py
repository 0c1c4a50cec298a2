"""Events: what a service publishes, what it reads of others, and the CloudEvents envelope round both.

The publisher owns its `Event`. A reader writes down only the fields it needs as `Incoming`; it ignores the rest, so
that a publisher may add. `tests/contract/test_events.py` holds the two together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

SPEC_VERSION = "1.0"
LARGEST_EVENT = 512_000
"""Bytes of one event's data, half of what Kafka takes; more is refused when it is published, not in the relay."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of an event beside its data: CloudEvents 1.0 attributes and our extensions."""

    id: UUID
    type: str
    tenant: UUID
    subject: str
    """The key: the customer's id, or the record's own where there is none."""
    time: datetime
    actor: str
    sequence: int
    """Rises with each change of one record; gaps are normal."""
    traceparent: str | None

    @property
    def source(self) -> str:
        """The publishing service."""
        return self.type.partition(".")[0]

    @property
    def key(self) -> bytes:
        """The Kafka key: one customer's facts of one publisher stay in order."""
        return f"{self.tenant}:{self.subject}".encode()

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers of the binary mode."""
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
        """The envelope of a Kafka record. Raises ValueError or KeyError when it is none."""
        found = {name: value.decode() for name, value in headers}
        if found["ce_specversion"] != SPEC_VERSION:
            raise ValueError(f"CloudEvents {found['ce_specversion']} is not spoken here")
        return cls(
            id=UUID(found["ce_id"]),
            type=found["ce_type"],
            tenant=UUID(found["ce_tenantid"]),
            subject=found["ce_subject"],
            time=datetime.fromisoformat(found["ce_time"]),
            actor=found.get("ce_actor", ""),
            sequence=int(found.get("ce_sequence", "0")),
            traceparent=found.get("ce_traceparent"),
        )


class Event(BaseModel):
    """A fact that a service publishes: `class PointsEarned(Event, type="loyalty.points_earned.v1", key="customer_id")`.

    Every field is always present: readers must be able to rely on what the schema shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_type: ClassVar[str]
    key_field: ClassVar[str]
    published: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()  # the words after the base class are for the method below

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str = "", key: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if key not in cls.model_fields and not isinstance(getattr(cls, key, None), property):
            raise TypeError(f"{cls.__name__} has no field or property {key} to be its key")
        if type in Event.published:
            raise TypeError(f"{type} is published by {Event.published[type].__name__} already")
        cls.event_type, cls.key_field = type, key
        Event.published[type] = cls

    @property
    def subject(self) -> str:
        """The value of the key: a field, or a property where the field may be empty."""
        return str(getattr(self, self.key_field))


class Incoming(BaseModel):
    """The part of another service's event that this reader relies on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]
    read: ClassVar[list[type["Incoming"]]] = []

    _envelope: Envelope = PrivateAttr()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.event_type = type
        Incoming.read.append(cls)

    @property
    def envelope(self) -> Envelope:
        """Who said it, when, and under which id."""
        return self._envelope

    @classmethod
    def from_record(cls, envelope: Envelope, data: Any) -> Self:
        """Reads an event's data. Raises pydantic.ValidationError when it lacks what is needed."""
        incoming = cls.model_validate(data)
        incoming._envelope = envelope
        return incoming


def topic_of(event_type: str, prefix: str) -> str:
    """The topic that carries a type: one per publishing service."""
    return f"{prefix}.{event_type.partition('.')[0]}"
