"""The tables of contact.

touch_points.py  contacts that took place
profiles.py      customers as the customers service describes them, and the addresses by which they are found
permission.py    decisions of customers about contacts
messages.py      messages to customers, and what became of them
"""

from services.interactions.contact.tables.messages import Message, MessageOutcome
from services.interactions.contact.tables.permission import ConsentDecision
from services.interactions.contact.tables.profiles import ContactKey, CustomerProfile
from services.interactions.contact.tables.touch_points import TouchPoint

__all__ = ["ConsentDecision", "ContactKey", "CustomerProfile", "Message", "MessageOutcome", "TouchPoint"]
