"""Surveys: questions to customers, published in versions that never change, and the figures of their answers.

schemas.py  the bodies
routes.py   surveys and their versions
answers.py  the answers of a survey
results.py  its figures
"""

from services.interactions.feedback.surveys import answers, results, routes

feature = routes.feature.include(answers.feature, results.feature)

__all__ = ["feature"]
