"""The vocabularies of tasks."""

from typing import Literal

from typing_extensions import TypeAliasType

TaskState = TypeAliasType("TaskState", Literal["open", "in_progress", "done", "cancelled"])
TaskPriority = TypeAliasType("TaskPriority", Literal["low", "normal", "high", "urgent"])
TaskSubject = TypeAliasType("TaskSubject", Literal["case", "deal", "purchase", "promise", "reference"])
"""The records that a task can be about. A reference is an id of the tenant's own."""
