"""The page on which a customer unsubscribes. It needs no script, and loads nothing.

The form is sent to the address of the page, which has the token already: the page does not repeat it.
"""

import base64
import hashlib
from html import escape

from fastapi import Response

from services.interactions.campaigns.rules.texts import UNSUBSCRIBE_TEXTS
from services.interactions.feedback.rules.surveys import SurveyLanguage

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 40rem; margin: 2rem auto; padding-inline: 1rem; }
button { font: inherit; min-block-size: 2.75rem; padding: 0.5rem 1rem; }
[role=status] { border: 2px solid; padding: 0.5rem 1rem; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class UnsubscribePage(Response):
    """The page as HTML."""

    media_type = "text/html"

    def __init__(self, language: SurveyLanguage, body: str, status: int = 200) -> None:
        title = escape(UNSUBSCRIBE_TEXTS[language].title)
        text = (
            f'<!DOCTYPE html>\n<html lang="{language}" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
        )
        super().__init__(text, status, {**HEADERS, "Content-Language": language})


def question_page(language: SurveyLanguage, company: str) -> UnsubscribePage:
    """Return the page with the button. A mail scanner that follows the link changes nothing."""
    texts = UNSUBSCRIBE_TEXTS[language]
    question = escape(texts.question).format(company=f"<bdi>{escape(company)}</bdi>")
    button = f'<form method="post">\n<button type="submit">{escape(texts.button)}</button>\n</form>'
    return UnsubscribePage(language, f"<p>{question}</p>\n{button}")


def done_page(language: SurveyLanguage) -> UnsubscribePage:
    """Return the page after the click."""
    return UnsubscribePage(language, f'<p role="status">{escape(UNSUBSCRIBE_TEXTS[language].done)}</p>')


def gone_page(language: SurveyLanguage) -> UnsubscribePage:
    """Return the page for every token that is not valid."""
    return UnsubscribePage(language, f"<p>{escape(UNSUBSCRIBE_TEXTS[language].gone)}</p>", 404)
