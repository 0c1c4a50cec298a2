"""The vocabularies of conduct incidents."""

from typing import Literal

from typing_extensions import TypeAliasType

ConductKind = TypeAliasType(
    "ConductKind", Literal["disruption", "threat", "fraud", "danger_to_reputation", "danger_to_staff"]
)
ConductSeverity = TypeAliasType("ConductSeverity", Literal["low", "medium", "high"])
ConductState = TypeAliasType("ConductState", Literal["reported", "confirmed", "dismissed"])
