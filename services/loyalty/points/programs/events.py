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
    name: Annotated[str, Field(examples=["Tea club"])]
    kind: ProgramKind
    currency: Annotated[str, Field(examples=["EUR"])]
    timezone: Annotated[str, Field(examples=["Europe/Amsterdam"])]
    enrolment: Enrolment
    refund_policy: RefundPolicy
    pending_days: Annotated[int, Field(examples=[14])]
    expiry_policy: ExpiryPolicy
    expiry_months: Annotated[int | None, Field(examples=[12])]
    created_at: datetime


class RuleEvent(Event):
    """The fields of both events about an earning rule."""

    program_id: UUID
    rule_id: UUID
    rule_version: int
    kind: EarningRuleKind
    points: Annotated[int, Field(description="The points for each `per` of a purchase.")]
    per: Money
    rounding: Rounding
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime


class EarningRuleCreated(RuleEvent, type="loyalty.earning_rule_created.v1", partition_key="program_id"):
    """An earning rule was created. Purchases made in [valid_from, valid_to) earn under it."""


class EarningRuleReplaced(RuleEvent, type="loyalty.earning_rule_replaced.v1", partition_key="program_id"):
    """A new version of an earning rule replaces the version before it from `valid_from` on."""


class ProgramClosed(Problem, status=409):
    """The program is closed and cannot be changed.

    Create a new program for its members.
    """
