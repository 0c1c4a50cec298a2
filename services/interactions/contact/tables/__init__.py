"""The tables of contact.

mailboxes.py        mailboxes, and the domains of their owner
touch_points.py     contacts that took place, and the search of their texts
payload_schemas.py  the shapes that a tenant demands of the data of touch points
profiles.py         customers as the customers service describes them, and the addresses by which they are found
permission.py       decisions of customers about contacts
messages.py         messages to customers, and what became of them
"""

from services.interactions.contact.tables.mailboxes import Mailbox
from services.interactions.contact.tables.messages import Message, MessageOutcome
from services.interactions.contact.tables.payload_schemas import TouchPointSchema
from services.interactions.contact.tables.permission import ConsentDecision
from services.interactions.contact.tables.profiles import ContactKey, CustomerProfile
from services.interactions.contact.tables.touch_points import TouchPoint, search_touch_points

__all__ = [
    "ConsentDecision",
    "ContactKey",
    "CustomerProfile",
    "Mailbox",
    "Message",
    "MessageOutcome",
    "TouchPoint",
    "TouchPointSchema",
    "search_touch_points",
]
