"""Agent cards: what an agent needs to know of a customer when the phone rings, in a single read.

The records of this service are read where they are, so a card is never behind them. Profiles, permissions and balances
are those that the other services have announced, and a balance says of when it is.

schemas.py  the parts of a card
records.py  the statement that reads the records on a card
routes.py   the operation
"""

from services.interactions.overview.agent_cards import routes

feature = routes.feature

__all__ = ["feature"]
