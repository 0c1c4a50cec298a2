"""What several features do alike with the database: joining a program, opening members' accounts and saving them."""

from services.loyalty.operations.accounts import announce, open_account, open_accounts_to_credit, read_account, save
from services.loyalty.operations.facts import NotEnoughPoints, PointsReleased
from services.loyalty.operations.joining import join
from services.loyalty.operations.turns import take_turns

__all__ = [
    "NotEnoughPoints",
    "PointsReleased",
    "announce",
    "join",
    "open_account",
    "open_accounts_to_credit",
    "read_account",
    "save",
    "take_turns",
]
