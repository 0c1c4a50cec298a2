"""Reviews and posts of other platforms, each recorded once, with ratings that are compared as stars from 1 to 5.

events.py    the published events, and the problem of a link
schemas.py   request and response bodies
routes.py    record, read, list and answer
linking.py   the customer that the author turned out to be
summaries.py the ratings of articles
"""

from services.interactions.voice.reviews import linking, routes, summaries

feature = routes.feature.include(linking.feature, summaries.feature)

__all__ = ["feature"]
