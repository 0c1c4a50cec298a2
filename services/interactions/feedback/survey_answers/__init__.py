"""Survey answers: what the holder of a link reads and sends, as JSON and as a page.

The token of the link takes the place of a credential. It names no customer.

schemas.py    the form of a survey and the bodies
opening.py    a survey, as a link opens it
storing.py    storing answers, their events, and what follows from a detractor's
page.py       the page
holder.py     the operations
"""

from services.interactions.feedback.survey_answers import holder

feature = holder.feature

__all__ = ["feature"]
