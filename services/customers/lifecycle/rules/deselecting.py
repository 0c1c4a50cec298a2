"""The vocabularies of de-selections. Plain values in, plain values out."""

from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

Treatment = TypeAliasType("Treatment", Literal["repricing", "self_service", "end"])
"""The treatments of a de-selected customer."""
EvidenceKind = TypeAliasType(
    "EvidenceKind",
    Literal[
        "contribution",
        "revenue",
        "cost_to_serve",
        "purchases",
        "return_rate",
        "unpaid_amount",
        "days_overdue",
        "complaints_without_cause",
        "contacts",
        "discount_rate",
    ],
)
"""The figures that count as evidence. None of them describes the person: no age, no area, no birth date."""
DeselectionDecision = TypeAliasType("DeselectionDecision", Literal["approved", "rejected"])
DeselectionState = TypeAliasType(
    "DeselectionState",
    Literal["proposed", "approved", "in_effect", "appealed", "rejected", "reversed", "expired"],
)
NoticeChannel = TypeAliasType("NoticeChannel", Literal["email", "phone", "post", "in_person"])
AppealOutcome = TypeAliasType("AppealOutcome", Literal["upheld", "reversed"])


class EvidenceDocument(TypedDict):
    """A figure on which a proposal is based, as stored."""

    kind: EvidenceKind
    value: str
    period_days: int
