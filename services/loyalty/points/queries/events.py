"""Events that several features publish, and the problem of every feature that takes points."""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import Field

from chassis import Event, IncomingEvent, Problem, Resource, Work
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.moves import Buckets
from services.loyalty.points.rules.vocabulary import ReferenceType


class InsufficientPoints(Problem, status=409):
    """The member has fewer points than the request needs.

    `available` is how many can be spent now. Pending and reserved points do not count.
    """


Points = Annotated[int, Field(examples=[120])]
NoPoints = Annotated[int, Field(examples=[0])]
EventVersion = Annotated[
    int,
    Field(
        description="Counts the events of the membership. Discard an event unless its version is higher than that of "
        "the last event of the same membership. The API returns it as the `version` of the balance.",
        examples=[7],
    ),
]
OrderReference = Annotated[
    str | None, Field(description="The order number that the client gave.", examples=["web-000817"])
]


class PointsByBucket(Resource):
    """The points of a membership by bucket."""

    pending: NoPoints
    """Points that cannot be spent yet."""
    available: Annotated[int, Field(examples=[340])]
    """Points that can be spent."""
    reserved: NoPoints
    """Points that redemptions hold."""
    debt: NoPoints
    """Points that were spent and then lost by a refund. The next credits pay them."""


class PointsReference(Resource):
    """The record that moved points: the `source_type` and the `source_id` of the ledger's entries."""

    type: ReferenceType
    """The kind of the record."""
    id: UUID
    """The id of the record."""


class MemberEvent(Event):
    """The fields of every event about a membership."""

    customer_id: UUID
    """The customer."""
    membership_id: UUID
    """The membership."""
    program_id: UUID
    """The program."""
    version: EventVersion
    occurred_at: datetime
    """When it happened."""
    balance: Annotated[PointsByBucket, Field(description="The points after this event.")]


class PointsEvent(MemberEvent):
    """The fields of every event about points."""

    points: Points
    """The number of points."""
    reference: Annotated[PointsReference, Field(description="The record that moved the points.")]
    available: Annotated[int, Field(description="The same as `balance.available`.", examples=[340])]


class MemberJoined(MemberEvent, type="loyalty.member_joined.v1", partition_key="customer_id"):
    """A customer became a member of a program."""

    joined_at: datetime
    """When the customer joined."""


class PointsActivated(PointsEvent, type="loyalty.points_activated.v1", partition_key="customer_id"):
    """Pending points became available. `debt_paid` of them paid a debt. The rest can be spent."""

    lot_id: UUID
    """The lot of points: those that were earned together."""
    debt_paid: NoPoints
    """The points that paid a debt."""
    activated_at: datetime
    """When the points became available."""


class PointsExpired(PointsEvent, type="loyalty.points_expired.v1", partition_key="customer_id"):
    """Points expired unspent."""

    lot_id: UUID
    """The lot of points: those that were earned together."""
    expired_at: datetime
    """When the points expired."""


class RedemptionEvent(PointsEvent):
    """The fields of every event about a redemption."""

    redemption_id: UUID
    """The redemption."""
    order_reference: OrderReference


class PointsReleased(RedemptionEvent, type="loyalty.points_released.v1", partition_key="customer_id"):
    """Held points were returned. `debt_paid` paid a debt, and `expired` expired at once. The rest can be spent."""

    debt_paid: NoPoints
    """The points that paid a debt."""
    expired: NoPoints
    """The points that expired at once."""
    reason: Literal["released", "expired"]
    """Returned on request, or at the end of the hold."""


class Member(Protocol):
    """The customer and the program of a membership."""

    @property
    def customer_id(self) -> UUID:
        """The customer."""

    @property
    def program_id(self) -> UUID:
        """The program."""


def publish_points(
    work: Work,
    event: type[PointsEvent],
    row: object,
    *,
    account: Account,
    member: Member,
    reference: tuple[ReferenceType, UUID],
    balance: Buckets | None = None,
    cause: IncomingEvent | None = None,
    **fields: Any,
) -> None:
    """Publish an event about an account's points, before the account is saved with its new version.

    `balance` defaults to the account's now. `row` and `fields` supply the other fields, as for `Event.from_row`.
    """
    after = account.buckets if balance is None else balance
    type, id = reference
    # Plain documents: models for the balance and the reference would cost as much as the rest of the event.
    published = event.from_row(
        row,
        customer_id=member.customer_id,
        membership_id=account.membership_id,
        program_id=member.program_id,
        version=account.next_version(),
        balance=after,
        reference={"type": type, "id": id},
        available=after["available"],
        **fields,
    )
    work.publish(published, cause=cause)
