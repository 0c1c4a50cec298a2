"""Surveys: their vocabulary, their questions, and the answers that a question takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import NOT_ONE_OF, REQUIRED, TOO_LARGE, TOO_SMALL, FieldCode

SurveyState = TypeAliasType("SurveyState", Literal["draft", "live", "ended"])
QuestionKind = TypeAliasType("QuestionKind", Literal["nps", "csat", "ces", "single", "multiple", "text"])
SurveyLanguage = TypeAliasType("SurveyLanguage", Literal["en", "nl", "de", "fr", "es"])
InvitationState = TypeAliasType(
    "InvitationState", Literal["queued", "sent", "opened", "answered", "expired", "suppressed"]
)
SuppressionReason = TypeAliasType(
    "SuppressionReason", Literal["quarantine", "not_permitted", "survey_ended", "customer_erased"]
)
SubjectKind = TypeAliasType("SubjectKind", Literal["case", "purchase"])
ScoreCategory = TypeAliasType("ScoreCategory", Literal["promoter", "passive", "detractor"])

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""The lowest and the highest score of each kind of question that has scores."""
CHOOSING = frozenset(("single", "multiple"))
KEY_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
MAX_TEXT = 4_000
LOWEST_PASSIVE, LOWEST_PROMOTER = 7, 9
HIGHEST_UNSATISFIED = 2

REPEATED_QUESTION = FieldCode("repeated_question", "A question is named twice.", "Name each question once.")
REPEATED_CHOICE = FieldCode("repeated_choice", "A choice is named twice.", "Name each choice once.")
NO_CHOICES = FieldCode(
    "no_choices", "Only a question of the kind `single` or `multiple` has choices.", "Send choices for those alone."
)
WRONG_ANSWER = FieldCode(
    "wrong_answer",
    "The answer has another form than its question.",
    "Send `number` for a score, `choices` for a choice, and `text` for a text.",
)


class TranslationDocument(TypedDict):
    """A text in another language, as stored."""

    language: SurveyLanguage
    text: str


class ChoiceDocument(TypedDict):
    """A choice of a question, as stored."""

    key: str
    text: str
    translations: list[TranslationDocument]


class QuestionDocument(TypedDict):
    """A question, as stored."""

    key: str
    kind: QuestionKind
    text: str
    translations: list[TranslationDocument]
    required: bool
    choices: list[ChoiceDocument]


@dataclass(frozen=True, slots=True)
class AnswerItem:
    """The answer to a question."""

    question: str
    number: int | None = None
    choices: tuple[str, ...] | None = None
    text: str | None = None


class InvalidAnswer(ValueError):
    """An answer that its question does not take. `path` leads to it in the list of answers."""

    def __init__(self, path: tuple[str | int, ...], code: FieldCode, text: str) -> None:
        super().__init__(text)
        self.path = path
        self.code = code


def check_answers(questions: Sequence[QuestionDocument], items: Sequence[AnswerItem]) -> list[AnswerItem]:
    """Return the answers in the order of the questions, the choices of each in their own order.

    Raises InvalidAnswer for an unknown question, a score out of scale, or a required question without an answer.
    """
    by_key = {question["key"]: question for question in questions}
    checked: dict[str, AnswerItem] = {}
    for index, item in enumerate(items):
        question = by_key.get(item.question)
        if question is None:
            raise InvalidAnswer((index, "question"), NOT_ONE_OF, f"one of {', '.join(by_key)} is expected")
        if item.question in checked:
            raise InvalidAnswer((index, "question"), REPEATED_QUESTION, f"{item.question} is answered twice")
        checked[item.question] = _check_answer(index, question, item)
    for key, question in by_key.items():
        if question["required"] and key not in checked:
            raise InvalidAnswer((), REQUIRED, f"the question {key} must be answered")
    return [checked[key] for key in by_key if key in checked]


def _check_answer(index: int, question: QuestionDocument, item: AnswerItem) -> AnswerItem:
    kind = question["kind"]
    name = "number" if kind in SCALES else "choices" if kind in CHOOSING else "text"
    values = {"number": item.number, "choices": item.choices, "text": item.text}
    if [each for each, value in values.items() if value is not None] != [name]:
        raise InvalidAnswer((index,), WRONG_ANSWER, f"the question {item.question} takes {name}, and nothing else")
    if item.number is not None:
        _check_scale(index, SCALES[kind], item.number)
    if item.text is not None and len(item.text) > MAX_TEXT:
        raise InvalidAnswer((index, "text"), WRONG_ANSWER, f"must have at most {MAX_TEXT} characters")
    if item.choices is not None:
        return AnswerItem(item.question, choices=_check_choices(index, question, item.choices))
    return item


def _check_scale(index: int, scale: tuple[int, int], number: int) -> None:
    lowest, highest = scale
    if number < lowest:
        raise InvalidAnswer((index, "number"), TOO_SMALL, f"must be at least {lowest}")
    if number > highest:
        raise InvalidAnswer((index, "number"), TOO_LARGE, f"must be at most {highest}")


def _check_choices(index: int, question: QuestionDocument, choices: Sequence[str]) -> tuple[str, ...]:
    known = [choice["key"] for choice in question["choices"]]
    for number, choice in enumerate(choices):
        if choice not in known:
            raise InvalidAnswer((index, "choices", number), NOT_ONE_OF, f"one of {', '.join(known)} is expected")
        if choice in choices[:number]:
            raise InvalidAnswer((index, "choices", number), REPEATED_CHOICE, f"{choice} is named twice")
    if not choices or (question["kind"] == "single" and len(choices) > 1):
        raise InvalidAnswer((index, "choices"), WRONG_ANSWER, "exactly one choice is expected")
    return tuple(key for key in known if key in choices)


def category(kind: str, number: int) -> ScoreCategory | None:
    """Return the category of a score, or None for a kind of question without categories.

    Of NPS, 9 and 10 are promoters and 0 to 6 detractors. Of CSAT, 1 and 2 count as a detractor's.
    """
    if kind == "nps":
        return "promoter" if number >= LOWEST_PROMOTER else "passive" if number >= LOWEST_PASSIVE else "detractor"
    return "detractor" if kind == "csat" and number <= HIGHEST_UNSATISFIED else None


def localized(text: str, translations: Sequence[TranslationDocument], language: str) -> str:
    """Return a text in a language, or as it was written."""
    return next((each["text"] for each in translations if each["language"] == language), text)
