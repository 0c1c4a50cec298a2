"""The tables of voice.

articles.py     articles, their versions, and whom they have helped
reviews.py      reviews and posts of other platforms
suggestions.py  suggestions, and the votes for them
"""

from services.interactions.voice.tables.articles import Article, ArticleSolution, ArticleVersion
from services.interactions.voice.tables.reviews import Review
from services.interactions.voice.tables.suggestions import Suggestion, SuggestionVote

__all__ = ["Article", "ArticleSolution", "ArticleVersion", "Review", "Suggestion", "SuggestionVote"]
