"""Leads: persons and organizations that may become customers."""

from typing import Literal

from typing_extensions import TypeAliasType

LeadState = TypeAliasType("LeadState", Literal["new", "working", "qualified", "unqualified", "converted"])
OpenLeadState = TypeAliasType("OpenLeadState", Literal["new", "working", "qualified", "unqualified"])
MatchedBy = TypeAliasType("MatchedBy", Literal["email", "phone", "external_id"])
