"""De-selections: a tenant treats a customer differently, or ends the relationship, by the decision of a person.

A proposal names figures as its evidence. Another person than the proposer decides, with a reason, and says how the
customer is informed. The treatment takes effect after a notice period, in which the customer may appeal, and expires.
An age, an area or a birth date is no evidence: the vocabulary does not have them.

    events.py     the published events
    schemas.py    request and response bodies, and the problems
    queries.py    the de-selection that an operation is about
    proposing.py  the proposal
    deciding.py   the decision of another person
    appealing.py  the appeal of the customer, and the decision on it
    following.py  the beginning and the end of treatments
    routes.py     the list, and a single de-selection
"""

from services.customers.lifecycle.deselections import appealing, deciding, following, proposing, routes

feature = proposing.feature.include(routes.feature, deciding.feature, appealing.feature, following.feature)

__all__ = ["feature"]
