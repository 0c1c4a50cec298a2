"""The tables of voice.

reviews.py      reviews and posts of other platforms
suggestions.py  suggestions, and the votes for them
"""

from services.interactions.voice.tables.reviews import Review
from services.interactions.voice.tables.suggestions import Suggestion, SuggestionVote

__all__ = ["Review", "Suggestion", "SuggestionVote"]
