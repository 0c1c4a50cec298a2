"""Language tags (BCP 47), and which of them match."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35, strip_whitespace=True)
]
"""A language tag (BCP 47), such as `nl` or `pt-BR`."""


def speaks(spoken: Iterable[str], wanted: str) -> bool:
    """Return whether one of the languages is the wanted one, or a wider or narrower form of it.

    `pt` and `pt-BR` match each other, `pt-PT` and `pt-BR` do not. Upper and lower case are the same.
    """
    return any(_matches(tag, wanted) for tag in spoken)


def _matches(tag: str, other: str) -> bool:
    shorter, longer = sorted((tag.lower(), other.lower()), key=len)
    return longer == shorter or longer.startswith(f"{shorter}-")
