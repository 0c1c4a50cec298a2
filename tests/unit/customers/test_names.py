"""The words of names: folded as PostgreSQL's unaccent does, and split where a search may begin."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customers.people.rules.names import MAX_WORD_LENGTH, fold, search_words, split


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Zoë   MÜLLER ", "zoe muller"),
        ("Bjørn Ørn Sørby", "bjorn orn sorby"),
        ("Đỗ Łoś", "do los"),
        ("Cœur Æsir Þór Ðuro", "coeur aesir thor duro"),
        ("Straße STRASSE", "strasse strasse"),
        ("Işık İpek Diyarbakır", "isik ipek diyarbakir"),  # noqa: RUF001
        ("Ħamrun Ŧ Ɓ ꜵ Ꝥ", "hamrun t b ao th."),
        ("ﬁ Ⅳ ａｂ", "fi iv ab"),  # noqa: RUF001
        ("李伟 トヨタ ガ ｶﾞ 김철수", "李伟 トヨタ ガ ガ 김철수"),
        ("Жанна Ёлкина Αθήνα", "жанна елкина αθηνα"),
    ],
)
def test_accents_and_case_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("%_ ' -- ;", []),
        ("Müller-Schmidt", ["muller", "schmidt"]),
        ("O'Brien d’Artagnan O´Neill", ["obrien", "dartagnan", "oneill"]),  # noqa: RUF001
        ("A & B. (Holding) B.V.", ["a", "b", "holding", "b", "v"]),
        ("株式会社トヨタ", ["株", "式", "会", "社", "ト", "ヨ", "タ"]),
        ("राम प्रसाद", ["राम", "प्रसाद"]),
    ],
)
def test_a_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert split(text) == words


def test_the_words_of_a_name_are_also_joined() -> None:
    assert search_words("Ada", "van den Berg", None) == ["ada", "berg", "den", "van", "vandenberg"]
    assert search_words(None, None, "李 伟") == ["伟", "李"]
    assert search_words("Ada", "Ada", None) == ["ada"]


@given(st.text(max_size=200))
def test_words_are_stable_and_short(text: str) -> None:
    words = split(text)
    assert split(" ".join(words)) == words
    assert all(0 < len(word) <= MAX_WORD_LENGTH for word in words)
    assert not any(
        character in "%_\\" or unicodedata.category(character) == "Cs" for word in words for character in word
    )
