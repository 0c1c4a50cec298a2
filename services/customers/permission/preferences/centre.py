"""The operations of a link's holder: read and change what the customer allows, as JSON and as a page.

The token is the credential, so a form of another site cannot know the address to which it would have to be sent.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Request
from fastapi import Query as Parameter
from pydantic import Field, StrictBool

from chassis import Feature, NotFound, RequestBody, Resource, UnitOfWork, Work
from services.customers.people.tables import Customer
from services.customers.permission.preferences import choices
from services.customers.permission.preferences.choices import Cell, Centre, ConfirmationClosed, ConfirmationState
from services.customers.permission.preferences.links import find_link
from services.customers.permission.preferences.page import PreferencePage, gone_page, preference_page
from services.customers.permission.queries import (
    UNKNOWN_CHANNEL,
    UNKNOWN_PURPOSE,
    consent_settings,
    require_term,
)
from services.customers.permission.rules import vocabulary
from services.customers.permission.rules.texts import choose_language
from services.customers.permission.rules.vocabulary import ConsentChannel, ConsentPurpose, PageLanguage

feature = Feature("preferences")
Token = Annotated[str, Path(description="The token of the link.")]
Action = Literal["allow", "stop", "confirm"]


class PreferenceFields(Resource):
    """A purpose on a channel."""

    purpose: ConsentPurpose
    """The purpose of contacts."""
    purpose_name: str
    """The name of the purpose, in the language of the customer."""
    channel: ConsentChannel
    """The channel of contacts."""
    channel_name: str
    """The name of the channel, in the language of the customer."""


class Preference(PreferenceFields):
    """The customer's choice for a purpose on a channel."""

    allowed: bool
    """True if the customer allows it."""


class PreferenceConfirmation(PreferenceFields):
    """A consent that the holder of the link can confirm."""

    state: ConfirmationState
    """`open` until it is confirmed. `closed` if it has expired, or was withdrawn since."""


class Preferences(Resource):
    """What a customer allows. It contains nothing else about the customer."""

    language: PageLanguage
    """The language of the names: the customer's, or else that of the browser."""
    choices: list[Preference]
    """Every purpose on every channel."""
    confirmation: PreferenceConfirmation | None
    """The consent that this link confirms, or null."""
    expires_at: datetime
    """When the link expires."""


class PreferenceUpdate(RequestBody):
    """A choice to make."""

    purpose: ConsentPurpose
    """The purpose of contacts."""
    channel: ConsentChannel
    """The channel of contacts."""
    allowed: StrictBool
    """True to allow it."""


class PreferencesUpdate(RequestBody):
    """Choices to make, all at once. Those left out stay as they are."""

    example = {"choices": [{"purpose": "newsletter", "channel": "email", "allowed": False}]}

    choices: Annotated[list[PreferenceUpdate], Field(max_length=1_000)] | None = None
    """The choices. The last one counts for a purpose on a channel."""
    confirm: StrictBool | None = None
    """True to confirm the consent of the link."""


@feature.get("/preferences/{token}", scope=None, public=True)
async def read_preferences(work: Work, request: Request, token: Token) -> Preferences | PreferencePage:
    """Return what a customer allows: as JSON, or as a page if the request accepts `text/html`."""
    return await _respond(work, request, token)


@feature.put("/preferences/{token}", scope=None, public=True, raises=[ConfirmationClosed])
async def update_preferences(work: Work, token: Token, request: Request, body: PreferencesUpdate) -> Preferences:
    """Change what a customer allows. Each change is a receipt with the source `preference_centre`."""
    centre = await _open(work, request, token, for_update=True)
    wanted = {Cell(each.purpose, each.channel): each.allowed for each in body.choices or []}
    for cell in wanted:
        _require_known(centre, cell)
    if body.confirm:
        await choices.confirm(work, centre)
    await choices.change(work, centre, wanted.items())
    return _preferences(work, await _open(work, request, token))


@feature.post("/preferences/{token}", scope=None, public=True, raises=[ConfirmationClosed])
async def submit_preferences(
    work: Work,
    request: Request,
    token: Token,
    action: Annotated[Action, Parameter(description="What to do.")],
    purpose: Annotated[ConsentPurpose | None, Parameter(description="For this purpose. Default: for all.")] = None,
    channel: Annotated[ConsentChannel | None, Parameter(description="On this channel. Default: on all.")] = None,
) -> Preferences | PreferencePage:
    """Change what a customer allows, as the buttons of the page do.

    It is also the address for `List-Unsubscribe` of mails (RFC 8058): with `action=stop`, the body
    `List-Unsubscribe=One-Click` is accepted.
    """
    try:
        centre = await _open(work, request, token, for_update=True)
    except NotFound:
        if not _wants_page(request):
            raise
        return gone_page(_language(request))
    if action == "confirm":
        await choices.confirm(work, centre)
    else:
        cells = [each for each in centre.cells if purpose in (None, each.purpose) and channel in (None, each.channel)]
        if not cells or purpose is not None:
            _require_known(centre, Cell(purpose or "", channel or centre.cells[0].channel))
        await choices.change(work, centre, [(cell, action == "allow") for cell in cells])
    return await _respond(work, request, token, saved=action)


async def _open(work: UnitOfWork, request: Request, token: str, *, for_update: bool = False) -> Centre:
    """Return the preference centre that a token opens. Raises NotFound."""
    link = await find_link(work, token)
    customer = await work.get(Customer, link.customer_id, for_update=for_update)
    receipts = await choices.load_receipts(work, customer)
    return Centre(link, customer, await consent_settings(work), receipts, _language(request, customer.languages))


def _language(request: Request, languages: list[str] | None = None) -> PageLanguage:
    return choose_language(languages or [], request.headers.get("accept-language", ""))


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _respond(
    work: UnitOfWork, request: Request, token: str, saved: Action | None = None
) -> Preferences | PreferencePage:
    try:
        centre = await _open(work, request, token)
    except NotFound:
        if not _wants_page(request):
            raise
        return gone_page(_language(request))
    if _wants_page(request):
        return preference_page(work, centre, saved)
    return _preferences(work, centre)


def _preferences(work: UnitOfWork, centre: Centre) -> Preferences:
    pending = centre.pending
    confirmation = None
    if pending is not None:
        names = _named(centre, Cell(pending.purpose, pending.channel))
        confirmation = PreferenceConfirmation(**names, state=centre.confirmation(pending, work))
    return Preferences(
        language=centre.language,
        choices=[Preference(**_named(centre, cell), allowed=centre.allows(cell, work)) for cell in centre.cells],
        confirmation=confirmation,
        expires_at=centre.link.expires_at,
    )


def _named(centre: Centre, cell: Cell) -> dict[str, str]:
    purpose, channel = centre.names(cell)
    return {"purpose": cell.purpose, "purpose_name": purpose, "channel": cell.channel, "channel_name": channel}


def _require_known(centre: Centre, cell: Cell) -> None:
    """Raise ValidationFailed for a purpose or channel that the page does not show."""
    require_term(vocabulary.in_use(centre.settings.purposes), cell.purpose, "purpose", UNKNOWN_PURPOSE)
    require_term(vocabulary.in_use(centre.settings.channels), cell.channel, "channel", UNKNOWN_CHANNEL)
