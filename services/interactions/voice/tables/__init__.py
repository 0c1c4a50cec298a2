"""The tables of voice.

suggestions.py  suggestions, and the votes for them
"""

from services.interactions.voice.tables.suggestions import Suggestion, SuggestionVote

__all__ = ["Suggestion", "SuggestionVote"]
