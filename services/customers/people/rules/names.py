"""The words of names, as they are stored and searched: without accents and case."""

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

MAX_WORD_LENGTH = 100
"""Longer words are cut. An index entry of PostgreSQL is limited to 2,704 bytes."""
MAX_JOINED_WORDS = 4
NAMELESS = "\U0010ffff"
"""Sorted after every name."""

_LETTER_MARKS = (0, 7, 8, 9)
"""The combining classes of marks that are parts of letters: vowel signs, nukta, kana voicing (カ, ガ), and virama."""
_APOSTROPHES = dict.fromkeys(map(ord, "'`\u00b4\u2018\u2019\u02b9\u02bb\u02bc"))
_HIRAGANA = range(0x3041, 0x3097)
_TO_KATAKANA = 0x60
_VARIANTS: dict[int, int | None] = {
    **{code: code + _TO_KATAKANA for code in _HIRAGANA},
    0x0640: None,  # the stroke that stretches an Arabic word
    0x0649: 0x064A,  # final forms of Arabic, and letters of Persian keyboards
    0x06CC: 0x064A,
    0x06A9: 0x0643,
    0x0629: 0x0647,
}
"""Letters that are written either way in the same name, and are stored as one."""
_IDEOGRAM = re.compile("[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U000323af]")
"""A Chinese, Japanese or Korean character. Names in them are written without spaces."""


def search_words(*names: str | None) -> list[str]:
    """Return the words by which a record with these names is found, sorted.

    The words of a name are also joined: "van den Berg" is found as "vandenberg". Each Chinese, Japanese or Korean
    character is a word of its own.
    """
    found: set[str] = set()
    for name in names:
        words = split(name or "")
        found.update(words)
        if 1 < len(words) <= MAX_JOINED_WORDS and not _IDEOGRAM.match(words[0]):
            found.add("".join(words)[:MAX_WORD_LENGTH])
    return sorted(found)


def sort_name(given_name: str | None, family_name: str | None, name: str | None) -> str:
    """Return the name by which a record is sorted: family and given name, or else the whole name, without case.

    A record without a name is the last.
    """
    parts = [part for part in (family_name, given_name) if part] or [name or ""]
    return fold(" ".join(parts))[:MAX_WORD_LENGTH] or NAMELESS


def split(text: str) -> list[str]:
    """Return the words of a text, in order: letters and digits without accents and case."""
    folded = fold(text.translate(_APOSTROPHES))
    spaced = "".join(character if _belongs_to_word(character) else " " for character in folded)
    return [word[:MAX_WORD_LENGTH] for word in _IDEOGRAM.sub(r" \g<0> ", spaced).split()]


def fold(text: str) -> str:
    """Return text without accents and case, single-spaced: "  Sørby  Müller " is "sorby muller"."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_VARIANTS)
    base = "".join(_base_letter(character) for character in decomposed if not _is_accent(character))
    return " ".join(unicodedata.normalize("NFC", base).split())


def _is_accent(character: str) -> bool:
    return unicodedata.combining(character) not in _LETTER_MARKS


@lru_cache(maxsize=1_000)
def _base_letter(character: str) -> str:
    """Return the letters for a Latin letter that Unicode does not decompose: ø is o, æ is ae, and þ is th."""
    if character.isascii() or not unicodedata.name(character, "").startswith("LATIN"):
        return character
    return anyascii(character).lower()


def _belongs_to_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
