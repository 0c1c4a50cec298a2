"""Suggestions of customers and staff, with votes, a public answer, and one original for all duplicates.

A vote is counted once for each voter, under the lock of the original. The votes of duplicates count for the original.

events.py      the published events, and the problems
schemas.py     request and response bodies
routes.py      post, read and list
answering.py   change the state and the answer, and link duplicates
votes.py       vote, withdraw a vote, and list the voters
persons.py     merged and erased customers
"""

from services.interactions.voice.suggestions import answering, persons, routes, votes

feature = routes.feature.include(votes.feature, answering.feature, persons.feature)

__all__ = ["feature"]
