"""Articles that help with cases: in versions, tied to categories and causes, and ordered by how often they helped.

An article counts once for each case that it has solved, and once for each customer whom it has helped, under its lock.

events.py     the published event, and the problem of an unanswered suggestion
schemas.py    request and response bodies
routes.py     write, read, change and list
solutions.py  the cases and customers that an article has helped, and the articles for a case
"""

from services.interactions.voice.articles import routes, solutions

feature = routes.feature.include(solutions.feature)

__all__ = ["feature"]
