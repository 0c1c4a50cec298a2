"""Purposes and channels: those that every tenant has, and those of its own."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import WRONG_FORMAT, invalid

_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")


def require_key(text: str) -> str:
    """Return a key of a purpose or channel. Raises PydanticCustomError unless it has the form of one."""
    if not _KEY.fullmatch(text):
        raise invalid(WRONG_FORMAT, "a key has at most 50 letters from a to z, digits and _, such as product_news")
    return text


# Without a pattern in their schemas, because clients of earlier releases know these types as fixed vocabularies.
ConsentPurpose = TypeAliasType(
    "ConsentPurpose", Annotated[str, Field(examples=["newsletter"]), AfterValidator(require_key)]
)
ConsentChannel = TypeAliasType("ConsentChannel", Annotated[str, Field(examples=["email"]), AfterValidator(require_key)])
PageLanguage = TypeAliasType("PageLanguage", Literal["en", "nl", "de", "fr", "es"])

PURPOSES = ("marketing", "newsletter", "survey", "service", "research", "personalisation")
"""The purposes of a tenant that has chosen none."""
CHANNELS = ("email", "phone", "sms", "whatsapp", "post", "push", "chat", "social")
"""The channels of a tenant that has chosen none."""


class TranslationDocument(TypedDict):
    """A name in a language, as it is stored."""

    language: str
    name: str


class TermDocument(TypedDict):
    """A purpose or channel, as it is stored. Without a name it has that of its key."""

    key: str
    name: str | None
    translations: list[TranslationDocument]
    retired: bool


def default_terms(keys: Iterable[str]) -> list[TermDocument]:
    """Return terms with these keys, in use and without names of their own."""
    return [TermDocument(key=key, name=None, translations=[], retired=False) for key in keys]


def replace_terms(current: Sequence[TermDocument], wanted: Sequence[TermDocument]) -> list[TermDocument]:
    """Return the terms after a change: the wanted ones in their order, then those that are retired by it.

    A retired term stays, because its receipts do.
    """
    kept = {term["key"] for term in wanted}
    return [*wanted, *(TermDocument(**term | {"retired": True}) for term in current if term["key"] not in kept)]


def in_use(terms: Iterable[TermDocument]) -> list[TermDocument]:
    """Return the terms that are not retired."""
    return [term for term in terms if not term["retired"]]


def name_of(term: TermDocument, language: str = "") -> str | None:
    """Return the name that a tenant has given to a term, in this language if there is one."""
    translated = (each["name"] for each in term["translations"] if each["language"] == language)
    return next(translated, term["name"])


def plain_name(key: str) -> str:
    """Return the name of a term without one: `Product news` for `product_news`."""
    return key.replace("_", " ").capitalize()
