"""The states of articles, their languages, and the keys of their solutions."""

from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType

ArticleState = TypeAliasType("ArticleState", Literal["draft", "published", "retired"])


def primary_language(tag: str) -> str:
    """Return the language of a tag of BCP 47, without its region and its script: `pt` for `pt-BR`."""
    return tag.lower().partition("-")[0]


def solution_key(case_id: UUID | None, customer_id: UUID | None) -> str:
    """Return the key by which a solution is recognized: an article solves a case once, and helps a customer once."""
    return f"case:{case_id}" if case_id is not None else f"customer:{customer_id}"
