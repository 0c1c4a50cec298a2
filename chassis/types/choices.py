"""Vocabularies: closed sets of texts, declared with the name that they have in the OpenAPI document.

Lifecycle = TypeAliasType("Lifecycle", Literal["prospect", "customer"])
"""

from typing import Any, get_args

from typing_extensions import TypeAliasType


def choices_of(vocabulary: Any) -> tuple[str, ...]:
    """Return the texts of a Literal, or of a type alias of one."""
    return get_args(vocabulary.__value__ if isinstance(vocabulary, TypeAliasType) else vocabulary)
