"""Policies of service levels, the policy of each case, and its clocks."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Versioned, belongs_to, bigint, check, choice, document, index, text_list, timestamp, unique
from services.interactions.base import Base
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority, CaseState
from services.interactions.helpdesk.rules.clocks import ClockKind, ClockState, ReopenedTime, TargetTime
from services.interactions.helpdesk.rules.service_levels import TargetDocument, ThresholdDocument


class SlaPolicy(Versioned, Base, table=True):
    """The targets of cases that meet its conditions. Of several, the policy with the lowest position applies."""

    __tablename__ = "sla_policy"
    __table_args__ = (
        belongs_to("calendar_id", "calendar"),
        unique("name"),
        index("position", "id"),
        index("calendar_id", postgresql_where=text("calendar_id is not null")),
    )
    audited: ClassVar[bool] = True

    name: str
    position: int
    active: bool = True
    kinds: list[CaseKind] = text_list()
    categories: list[str] = text_list()
    priorities: list[CasePriority] = text_list()
    channels: list[str] = text_list()
    calendar_id: UUID | None = None
    targets: list[TargetDocument] = document()
    warn_percents: list[int] = document(default_factory=list)
    pause_on: list[CaseState] = text_list()
    reopened_time: ReopenedTime = choice(ReopenedTime, "reopened_time", default="remaining")


class SlaPolicyVersion(Base, table=True):
    """The terms of a version of a policy. Append-only."""

    __tablename__ = "sla_policy_version"
    __table_args__ = (unique("policy_id", "number"), check("number", "number > 0"))

    policy_id: UUID
    number: int = bigint()
    targets: list[TargetDocument] = document()
    warn_percents: list[int] = document()
    pause_on: list[CaseState] = text_list()
    reopened_time: ReopenedTime = choice(ReopenedTime, "reopened_time")
    recorded_at: datetime = timestamp()


class CasePolicy(Base, table=True):
    """The versions of a policy and of its calendar that hold for a case. Append-only."""

    __tablename__ = "case_policy"
    __table_args__ = (
        belongs_to("case_id", "support_case", cascade=True),
        unique("case_id"),
        check("calendar", "(calendar_id is null) = (calendar_version is null)"),
    )

    case_id: UUID
    policy_id: UUID
    policy_version: int = bigint()
    calendar_id: UUID | None = None
    calendar_version: int | None = bigint(nullable=True, default=None)


class SlaClock(Base, table=True):
    """A cycle of a clock of a case: the result of a fold of the case's transitions,.

    `attention_at` is when time alone changes it next. `due_order` sorts clocks without a due time last.
    """

    __tablename__ = "sla_clock"
    __table_args__ = (
        belongs_to("case_id", "support_case", cascade=True),
        unique("case_id", "kind", "cycle"),
        check("running", "(state = 'running') = (due_at is not null)"),
        check("attention", "(state = 'running') = (attention_at is not null)"),
        check("breached", "(state = 'breached') = (breached_at is not null)"),
        check("ended", "state not in ('met', 'cancelled') or ended_at is not null"),
        check("not_ended", "state not in ('running', 'paused') or ended_at is null"),
        check("figures", "cycle > 0 and target_us > 0 and active_us >= 0"),
        index("attention_at", "id", postgresql_where=text("state = 'running'")),
        index("state", "due_order", "id"),
        index("due_order", "id"),
        index("policy_id", "due_order", "id"),
    )

    case_id: UUID
    kind: ClockKind = choice(ClockKind, "kind")
    cycle: int
    state: ClockState = choice(ClockState, "state")
    policy_id: UUID
    policy_version: int = bigint()
    target_us: int = bigint()
    target_time: TargetTime = choice(TargetTime, "target_time")
    active_us: int = bigint()
    started_at: datetime = timestamp()
    due_at: datetime | None = timestamp(nullable=True, default=None)
    due_order: datetime = timestamp()
    attention_at: datetime | None = timestamp(nullable=True, default=None)
    thresholds: list[ThresholdDocument] = document(default_factory=list)
    warned: list[ThresholdDocument] = document(default_factory=list)
    breached_at: datetime | None = timestamp(nullable=True, default=None)
    ended_at: datetime | None = timestamp(nullable=True, default=None)
