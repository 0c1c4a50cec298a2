"""The choices of a customer, and the receipts of their changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from chassis import Problem, UnitOfWork
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.queries import receipts_of, store_receipts
from services.customers.permission.rules import decisions, vocabulary
from services.customers.permission.rules.texts import TEXTS, shown_name
from services.customers.permission.rules.vocabulary import PageLanguage

SOURCE = "preference_centre"
ConfirmationState = Literal["open", "confirmed", "closed"]


class ConfirmationClosed(Problem, status=409):
    """The consent can no longer be confirmed.

    The request has expired, or the customer has withdrawn the consent since. Ask the customer again.
    """


@dataclass(frozen=True, slots=True)
class Cell:
    """A purpose on a channel."""

    purpose: str
    channel: str


@dataclass(frozen=True, slots=True)
class Centre:
    """The preference centre of a customer: what a link opens."""

    link: tables.PreferenceLink
    customer: Customer
    settings: tables.ConsentSettings
    receipts: Sequence[tables.ConsentReceipt]
    language: PageLanguage

    @property
    def cells(self) -> list[Cell]:
        """Every purpose on every channel, in the order of the tenant."""
        purposes, channels = (vocabulary.in_use(terms) for terms in (self.settings.purposes, self.settings.channels))
        return [Cell(purpose["key"], channel["key"]) for purpose in purposes for channel in channels]

    def of(self, cell: Cell) -> list[tables.ConsentReceipt]:
        """Return the receipts of a purpose on a channel."""
        return [each for each in self.receipts if (each.purpose, each.channel) == (cell.purpose, cell.channel)]

    def allows(self, cell: Cell, work: UnitOfWork) -> bool:
        """Return whether the customer allows a purpose on a channel now."""
        # A request that began later may have been faster. What it has stored counts as well.
        now = max([work.now, *(each.decided_at for each in self.receipts)])
        return decisions.permission(self.of(cell), now)[0] == "granted"

    def names(self, cell: Cell) -> tuple[str, str]:
        """Return the names of a purpose and a channel, as the customer reads them."""
        terms = {("purpose", term["key"]): term for term in self.settings.purposes}
        terms |= {("channel", term["key"]): term for term in self.settings.channels}
        purpose, channel = terms["purpose", cell.purpose], terms["channel", cell.channel]
        return shown_name(purpose, self.language), shown_name(channel, self.language)

    @property
    def pending(self) -> tables.ConsentReceipt | None:
        """The receipt that the link can confirm."""
        return next((each for each in self.receipts if each.id == self.link.confirms_id), None)

    def confirmation(self, pending: tables.ConsentReceipt, work: UnitOfWork) -> ConfirmationState:
        """Return whether a pending receipt can be confirmed."""
        if any(each.confirms_id == pending.id for each in self.receipts):
            return "confirmed"
        cell = Cell(pending.purpose, pending.channel)
        may = cell in self.cells and decisions.may_confirm(pending, self.of(cell), work.now)
        return "open" if may else "closed"


async def change(work: UnitOfWork, centre: Centre, choices: Iterable[tuple[Cell, bool]]) -> None:
    """Record the choices that differ from the last decision. The customer is locked."""
    receipts = []
    for cell, is_allowed in choices:
        effective = decisions.effective_receipt(centre.of(cell))
        is_refused = effective is not None and effective.decision == "withdrawn"
        if (is_allowed and centre.allows(cell, work)) or (not is_allowed and is_refused):
            continue
        receipts.append(_receipt(work, centre, cell, is_allowed=is_allowed))
    await store_receipts(work, {centre.customer.id: centre.customer}, receipts)


async def confirm(work: UnitOfWork, centre: Centre) -> None:
    """Turn the pending receipt of the link into a grant, once. Raises ConfirmationClosed. The customer is locked."""
    pending = centre.pending
    state = "closed" if pending is None else centre.confirmation(pending, work)
    if pending is None or state == "closed":
        raise ConfirmationClosed
    if state == "open":
        receipt = _receipt(work, centre, Cell(pending.purpose, pending.channel), is_allowed=True)
        receipt = receipt.replace(confirms_id=pending.id, wording=pending.wording)
        await store_receipts(work, {centre.customer.id: centre.customer}, [receipt])


async def load_receipts(work: UnitOfWork, customer: Customer) -> list[tables.ConsentReceipt]:
    """Return all receipts of a customer."""
    return await receipts_of(work, [customer.id])


def _receipt(work: UnitOfWork, centre: Centre, cell: Cell, *, is_allowed: bool) -> tables.ConsentReceipt:
    purpose, channel = centre.names(cell)
    texts = TEXTS[centre.language]
    return tables.ConsentReceipt(
        customer_id=centre.customer.id,
        purpose=cell.purpose,
        channel=cell.channel,
        decision="granted" if is_allowed else "withdrawn",
        decided_at=work.now,
        wording=(texts.allow if is_allowed else texts.stop).format(purpose=purpose, channel=channel),
        source=SOURCE,
        actor=f"preference-link:{centre.link.id}",
        recorded_at=work.now,
    )
