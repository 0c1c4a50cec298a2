"""Erasing customers: their cases lose every text that a person wrote, and stay for the counts."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Work
from services.interactions.helpdesk import tables

feature = Feature("cases")


@feature.erases(tables.SupportCase)
async def anonymise_cases(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the texts of persons' cases, of their steps and of their messages. Returns the number of cases."""
    for command in (_ANONYMISE_MESSAGES, _ANONYMISE_TRANSITIONS):
        await work.execute(command, ids=list(ids))
    return await work.execute(_ANONYMISE_CASES, ids=list(ids), now=work.now)


_ANONYMISE_MESSAGES = Command(
    """
    update case_message set body = '', author = '' from support_case as erased
    where erased.customer_id = any(:ids) and case_message.case_id = erased.id and case_message.body <> ''
    """
)
_ANONYMISE_TRANSITIONS = Command(
    """
    update case_transition set reason = null, evidence = '[]' from support_case as erased
    where erased.customer_id = any(:ids) and case_transition.case_id = erased.id
        and (case_transition.reason is not null or case_transition.evidence <> '[]')
    """
)
_ANONYMISE_CASES = Command(
    """
    update support_case set subject = '', description = null, version = version + 1, updated_at = :now
    where customer_id = any(:ids) and subject <> ''
    """
)
