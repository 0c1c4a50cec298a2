"""The mailboxes of a tenant, whose messages become touch points."""

from chassis import Versioned, text_list, unique
from services.interactions.base import Base


class Mailbox(Base, Versioned, table=True):
    """A mailbox, and the domains of its owner. A message from any of them is outbound."""

    __tablename__ = "mailbox"
    __table_args__ = (unique("address"),)

    address: str
    """In lower case. It is the source of the messages, so it never changes."""
    name: str | None
    domains: list[str] = text_list()
