"""Declarations of the columns that name a person: the effects of a merge of two persons, and of an erasure."""

from dataclasses import dataclass
from typing import Literal

OnMerge = Literal["move", "keep", "own"]
OnErasure = Literal["delete", "anonymise", "keep", "own"]


@dataclass(frozen=True, slots=True)
class Person:
    """A column that names a person, and the effects on its rows of merging or erasing the person.

    A merge moves rows to the surviving person, and back when it is undone. An erasure deletes rows, or anonymises them:
    it blanks the columns `cleared`. A function of the feature does what is `own`. `keep` needs a reason.
    """

    column: str = "customer_id"
    merge: OnMerge = "move"
    erase: OnErasure = "delete"
    cleared: tuple[str, ...] = ()
    """The columns that an anonymised row loses: each is nullable or has a default in the database."""
    merge_reason: str = ""
    """Why a merge keeps the rows with the merged person."""
    erase_reason: str = ""
    """Why an erasure keeps the rows."""

    def __post_init__(self) -> None:
        """Raise ValueError for a declaration that leaves something open."""
        if (self.merge == "keep") != bool(self.merge_reason):
            raise ValueError(f"{self.column}: give merge_reason if, and only if, a merge keeps the rows")
        if (self.erase == "keep") != bool(self.erase_reason):
            raise ValueError(f"{self.column}: give erase_reason if, and only if, an erasure keeps the rows")
        if self.cleared and self.erase != "anonymise":
            raise ValueError(f"{self.column}: only rows that are anonymised lose columns")
