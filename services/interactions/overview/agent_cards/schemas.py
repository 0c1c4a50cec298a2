"""The parts of an agent card."""

from datetime import datetime
from uuid import UUID

from chassis import Money, Resource
from services.interactions.helpdesk.rules.cases import CasePriority, CaseState
from services.interactions.helpdesk.rules.conduct_incidents import ConductKind, ConductSeverity, ConductState
from services.interactions.overview import tables
from services.interactions.overview.rules import NextActionKind


class CardContact(Resource):
    """A recent contact."""

    id: UUID
    """The touch point."""
    occurred_at: datetime
    """When it took place."""
    channel: str
    """The channel."""
    direction: str
    """From the customer, or to the customer."""
    subject: str | None
    """The subject."""


class CardPurchase(Resource):
    """The last purchase."""

    id: UUID
    """The purchase."""
    purchased_at: datetime
    """When it was made."""
    store: str | None
    """The store."""
    total: Money
    """The sum of its lines."""


class CardCase(Resource):
    """A case that is not settled."""

    id: UUID
    """The case."""
    subject: str
    """What it is about."""
    state: CaseState
    """Its state."""
    priority: CasePriority
    """Its priority."""
    opened_at: datetime
    """When it was opened."""
    is_answered: bool
    """Whether the customer has had a response."""


class CardPromise(Resource):
    """A promise that is not kept yet."""

    id: UUID
    """The promise."""
    what: str
    """The promise in words."""
    due_at: datetime
    """When it is due."""


class CardWarning(Resource):
    """An incident that an agent must know of. Its text is read from the incident."""

    id: UUID
    """The conduct incident."""
    kind: ConductKind
    """The kind of conduct."""
    severity: ConductSeverity
    """How serious it was."""
    state: ConductState
    """Reported or confirmed. A dismissed incident is on no card."""
    occurred_at: datetime
    """When it happened."""


class CardMembership(Resource, row=tables.MemberBalance, computed=("membership_id",)):
    """The points of a membership."""

    membership_id: UUID
    """The membership."""
    program_id: UUID
    """The program."""
    pending: int
    """Points that cannot be spent yet."""
    available: int
    """Points that can be spent."""
    reserved: int
    """Points that redemptions hold."""
    debt: int
    """Points that the next credits pay."""
    as_of: datetime
    """When the last event happened that this service has received. Later ones are on their way."""


class CardPermission(Resource):
    """A purpose for which the customer may be contacted now, and the channel."""

    purpose: str
    """The purpose."""
    channel: str
    """The channel."""


class SuggestedAction(Resource):
    """The most urgent thing to do."""

    kind: NextActionKind
    """The action."""
    reason: str
    """Why it is suggested."""
    record_id: UUID | None
    """The record that it is about."""


class AgentCard(Resource):
    """A customer, as an agent sees it."""

    customer_id: UUID
    """The customer."""
    name: str | None
    """The name by which the customer is addressed."""
    lifecycle: str | None
    """The stage of the relationship."""
    languages: list[str]
    """The languages that the customer speaks."""
    preferred_channel: str | None
    """The channel that the customer prefers."""
    owner_id: str | None
    """The employee who serves the customer."""
    timezone: str | None
    """The time zone of the customer's phone numbers, if they have a single one."""
    warnings: list[CardWarning]
    """The conduct incidents that are not dismissed, newest first, at most ten."""
    last_contacts: list[CardContact]
    """The last three contacts, newest first."""
    last_purchase: CardPurchase | None
    """The last purchase."""
    open_cases: list[CardCase]
    """The cases that are not settled, newest first, at most ten."""
    open_promises: list[CardPromise]
    """The promises that are not kept yet, first those that are due first, at most ten."""
    memberships: list[CardMembership]
    """The customer's memberships."""
    permissions: list[CardPermission]
    """The messages that the customer permits. Service messages need no permission."""
    suggestion: SuggestedAction | None
    """What to do now, or null if nothing is due."""


class AgentCards(Resource):
    """The cards of the customers who were asked for."""

    items: list[AgentCard]
    """A card for each customer. Several customers may share an address."""
