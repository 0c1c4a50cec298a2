"""The form of the page: the names of its fields, and the answers in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from chassis import MultilineText
from services.interactions.feedback.rules.surveys import CHOOSING, SCALES, AnswerItem, QuestionDocument

SUBMISSION = "submission_id"
_TEXT: TypeAdapter[str] = TypeAdapter(MultilineText)
_SCORE = re.compile("[0-9]{1,3}")
OUT_OF_SCALE = -1
"""Replaces a score that is not a number."""


@dataclass(frozen=True, slots=True)
class SentForm:
    """The answers in a form, and the id under which the page was shown."""

    items: list[AnswerItem]
    submission_id: UUID | None


def field_of(key: str) -> str:
    """Return the name of the field of a question."""
    return f"q.{key}"


def read_form(questions: Sequence[QuestionDocument], fields: Sequence[tuple[str, str]]) -> SentForm:
    """Return the answers in the fields of a form. Empty fields are no answers, and other fields are ignored."""
    items = []
    for question in questions:
        values = [value for name, value in fields if name == field_of(question["key"]) and value.strip()]
        item = _read_answer(question, values) if values else None
        if item is not None:
            items.append(item)
    return SentForm(items, next((_read_id(value) for name, value in fields if name == SUBMISSION), None))


def _read_answer(question: QuestionDocument, values: list[str]) -> AnswerItem | None:
    key = question["key"]
    if question["kind"] in SCALES:
        return AnswerItem(key, number=int(values[0]) if _SCORE.fullmatch(values[0]) else OUT_OF_SCALE)
    if question["kind"] in CHOOSING:
        return AnswerItem(key, choices=tuple(values))
    try:
        return AnswerItem(key, text=_TEXT.validate_python(values[0]))
    except ValidationError:  # nothing in it is visible
        return None


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
