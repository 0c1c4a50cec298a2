"""Texts of the preference centre: the language of a person, and the names of purposes and channels."""

from string import Formatter

import pytest

from services.customers.permission.rules.texts import LANGUAGES, TEXTS, choose_language, shown_name
from services.customers.permission.rules.vocabulary import CHANNELS, PURPOSES, TermDocument, default_terms


@pytest.mark.parametrize(
    ("preferred", "accepted", "language"),
    [
        ([], "", "en"),
        (["nl-BE", "fr"], "de", "nl"),
        (["zh", "FR_ca"], "de", "fr"),
        (["Dutch"], "de-AT,en;q=0.5", "de"),
        ([], "en;q=0.3, es;q=0.9, zh", "es"),
        ([], "de;q=x, nl;q=0.1", "nl"),
        ([], ";;,,q", "en"),
    ],
)
def test_choose_language(preferred: list[str], accepted: str, language: str) -> None:
    assert choose_language(preferred, accepted) == language


def test_every_language_has_every_text_with_its_placeholders() -> None:
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert TEXTS.keys() == set(LANGUAGES)
    english = TEXTS["en"]
    for texts in TEXTS.values():
        for name in english.__slots__:
            assert getattr(texts, name)
            assert fields(getattr(texts, name)) == fields(getattr(english, name))


def test_usual_names_are_translated_and_a_tenants_own_name_precedes() -> None:
    for term in default_terms([*PURPOSES, *CHANNELS]):
        assert len({shown_name(term, language) for language in LANGUAGES}) >= 1
    own = TermDocument(key="email", name="Mail", translations=[{"language": "nl", "name": "Post"}], retired=False)
    assert [shown_name(own, language) for language in ("en", "nl", "de")] == ["Mail", "Post", "Mail"]
    assert shown_name(default_terms(["product_news"])[0], "nl") == "Product news"
