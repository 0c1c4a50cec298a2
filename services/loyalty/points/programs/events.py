"""The events of programs and their earning rules, and the problem of a closed program."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Money, Problem
from services.loyalty.points.rules.vocabulary import (
    EarningRuleKind,
    Enrolment,
    ExpiryPolicy,
    ProgramKind,
    RefundPolicy,
    Rounding,
)


class ProgramCreated(Event, type="loyalty.program_created.v1", partition_key="program_id"):
    """A program was created. It grants no points until it has a rule."""

    program_id: UUID
    """The program."""
    name: Annotated[str, Field(examples=["Tea club"])]
    """The name of the program."""
    kind: ProgramKind
    """The kind of program."""
    currency: Annotated[str, Field(examples=["EUR"])]
    """The currency, by its ISO 4217 code."""
    timezone: Annotated[str, Field(examples=["Europe/Amsterdam"])]
    """The time zone of its days: a name of the IANA database."""
    enrolment: Enrolment
    """How customers become members."""
    refund_policy: RefundPolicy
    """The treatment of refunded points that are already spent."""
    pending_days: Annotated[int, Field(examples=[14])]
    """Days after a purchase during which its points cannot be spent."""
    expiry_policy: ExpiryPolicy
    """The expiry of points."""
    expiry_months: Annotated[int | None, Field(examples=[12])]
    """Months during which points can be spent, or null if they do not expire."""
    created_at: datetime
    """When it was created."""


class RuleEvent(Event):
    """The fields of both events about an earning rule."""

    program_id: UUID
    """The program."""
    rule_id: UUID
    """The earning rule."""
    rule_version: int
    """The version of the earning rule."""
    kind: EarningRuleKind
    """The kind of rule."""
    points: Annotated[int, Field(description="The points for each `per` of a purchase.")]
    per: Money
    """An amount in the program's currency."""
    rounding: Rounding
    """How a part of `per` counts."""
    valid_from: datetime | None
    """Purchases count from this time on, or from the first on if null."""
    valid_to: datetime | None
    """Purchases count before this time, or without end if null."""
    created_at: datetime
    """When it was created."""


class EarningRuleCreated(RuleEvent, type="loyalty.earning_rule_created.v1", partition_key="program_id"):
    """An earning rule was created. Purchases made in [valid_from, valid_to) earn under it."""


class EarningRuleReplaced(RuleEvent, type="loyalty.earning_rule_replaced.v1", partition_key="program_id"):
    """A new version of an earning rule replaces the version before it from `valid_from` on."""


class ProgramClosed(Problem, status=409):
    """The program is closed and cannot be changed.

    Create a new program for its members.
    """
