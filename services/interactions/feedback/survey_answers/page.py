"""The page of a survey. It needs no script, and loads nothing.

Each question is a group with a legend, so that a screen reader says the question with each choice. The form is sent to
the address of the page, which has the token already: the page does not repeat it.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from fastapi import Response

from chassis import UnitOfWork, uuid7
from services.interactions.feedback.rules.surveys import CHOOSING, MAX_TEXT, AnswerItem, InvalidAnswer, SurveyLanguage
from services.interactions.feedback.rules.texts import PAGE_TEXTS, PageTexts
from services.interactions.feedback.survey_answers.forms import SUBMISSION, SentForm, field_of
from services.interactions.feedback.survey_answers.opening import OpenedSurvey, to_form
from services.interactions.feedback.survey_answers.schemas import SurveyFormQuestion

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 40rem; margin: 2rem auto; padding-inline: 1rem; }
fieldset { border: 0; border-block-end: 1px solid; margin: 0; padding: 1rem 0; }
legend { font-weight: bold; padding: 0; }
.scale { display: flex; flex-wrap: wrap; gap: 0.5rem; }
label { display: inline-flex; align-items: center; gap: 0.25rem; min-block-size: 2.75rem; padding-inline-end: 0.75rem; }
.choices label { display: flex; }
textarea { box-sizing: border-box; font: inherit; inline-size: 100%; }
button { font: inherit; margin-block-start: 1rem; min-block-size: 2.75rem; padding: 0.5rem 1rem; }
[role=status], [role=alert] { border: 2px solid; padding: 0.5rem 1rem; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class SurveyPage(Response):
    """The page as HTML."""

    media_type = "text/html"

    def __init__(self, language: SurveyLanguage, title: str, body: str, status: int = 200) -> None:
        text = (
            f'<!DOCTYPE html>\n<html lang="{language}" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{_isolated(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
        )
        super().__init__(text, status, {**HEADERS, "Content-Language": language})


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent, and its error if its answers were not stored."""

    form: SentForm
    error: InvalidAnswer | None = None

    @property
    def wrong_question(self) -> str | None:
        """The question whose answer is not possible, or None if an answer is missing."""
        path = self.error.path if self.error else ()
        return self.form.items[int(path[0])].question if path else None


def notice_page(language: SurveyLanguage, title: str, text: str, status: int) -> SurveyPage:
    """Return a page that only says why there is no survey."""
    return SurveyPage(language, title, f"<p>{escape(text)}</p>", status)


def survey_page(work: UnitOfWork, opened: OpenedSurvey, sent: Sent | None = None) -> SurveyPage:
    """Return the page of a survey. `sent` is the form that it follows."""
    texts, title = PAGE_TEXTS[opened.language], opened.version.name
    is_stored = sent is not None and sent.error is None
    if opened.state == "locked" or (is_stored and opened.invitation is None):
        text = texts.thanks if is_stored else texts.locked
        return SurveyPage(opened.language, title, f'<p role="status">{escape(text)}</p>')
    parts = list(_notices(work, opened, texts, sent))
    parts.append(f"<p>{escape(texts.intro).format(company=_isolated(work.tenant.name))}</p>")
    parts.append('<form method="post">')
    items = sent.form.items if sent is not None else opened.items
    answers = {item.question: item for item in items}
    for question in to_form(opened).questions:
        is_wrong = sent is not None and sent.wrong_question == question.key
        parts.append(_question(question, answers.get(question.key), texts, is_wrong=is_wrong))
    if opened.invitation is None:
        id = sent.form.submission_id if sent is not None else None
        parts.append(f'<input type="hidden" name="{SUBMISSION}" value="{id or uuid7()}">')
    parts.append(f'<button type="submit">{escape(texts.submit)}</button>\n</form>')
    return SurveyPage(opened.language, title, "\n".join(parts), 422 if sent is not None and not is_stored else 200)


def _notices(work: UnitOfWork, opened: OpenedSurvey, texts: PageTexts, sent: Sent | None) -> Iterator[str]:
    """Yield what the page says first: an error, or that the answers are stored."""
    if sent is not None and sent.error is not None:
        wrong = sent.wrong_question
        text = f"<p>{escape(texts.error_required)}</p>"
        if wrong is not None:
            text = f'<p><a href="#{field_of(wrong)}">{escape(texts.error_answer)}</a></p>'
        yield f'<div role="alert">\n<h2>{escape(texts.error_title)}</h2>\n{text}\n</div>'
    elif opened.answer is not None:
        until = opened.answer.editable_until.astimezone(work.tenant.zone)
        time = f'<time datetime="{until.isoformat()}">{until:%Y-%m-%d %H:%M}</time>'
        yield f'<p role="status">{escape(texts.thanks)} {escape(texts.editable).format(time=time)}</p>'


def _question(question: SurveyFormQuestion, answer: AnswerItem | None, texts: PageTexts, *, is_wrong: bool) -> str:
    """Return a question with its fields, filled in."""
    mark = f" <span>{escape(texts.required)}</span>" if question.required else ""
    name = field_of(question.key)
    invalid = ' aria-invalid="true"' if is_wrong else ""
    legend = f'<fieldset id="{name}"{invalid}>\n<legend>{_isolated(question.text)}{mark}</legend>'
    if question.kind == "text":
        text = escape((answer.text if answer else None) or "")
        required = " required" if question.required else ""
        label = escape(question.text)
        field = f'<textarea name="{name}" rows="4" maxlength="{MAX_TEXT}" aria-label="{label}"{required}>\n{text}'
        return f"{legend}\n{field}</textarea>\n</fieldset>"
    body = "\n".join(_options(question, answer))
    if question.kind in CHOOSING:
        return f'{legend}\n<div class="choices">\n{body}\n</div>\n</fieldset>'
    low, high = texts.scales[question.kind]
    ends = f"<p>{question.scale_min} = {escape(low)}, {question.scale_max} = {escape(high)}</p>"
    return f'{legend}\n{ends}\n<div class="scale">\n{body}\n</div>\n</fieldset>'


def _options(question: SurveyFormQuestion, answer: AnswerItem | None) -> Iterator[str]:
    """Yield the labelled buttons of a question."""
    kind = "checkbox" if question.kind == "multiple" else "radio"
    chosen = set((answer.choices if answer else None) or ())
    options = [(choice.key, _isolated(choice.text)) for choice in question.choices]
    if question.scale_min is not None and question.scale_max is not None:
        options = [(str(score), str(score)) for score in range(question.scale_min, question.scale_max + 1)]
        chosen = {str(answer.number)} if answer else set()
    required = " required" if question.required and kind == "radio" else ""
    for value, label in options:
        checked = " checked" if value in chosen else ""
        name = field_of(question.key)
        yield f'<label><input type="{kind}" name="{name}" value="{value}"{checked}{required}> {label}</label>'


def _isolated(text: str) -> str:
    """Return a text that a tenant has written as HTML. It may be written from right to left, in any text around it."""
    return f"<bdi>{escape(text)}</bdi>"
