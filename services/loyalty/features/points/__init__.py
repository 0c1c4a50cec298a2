"""Points: members earn them when they buy, and lose them when they take it back.

A purchase earns once, whatever it is told again by: under each rule of each program that the customer is a member of,
as the rules were when it was made. Where a program enrols by purchase, the first one makes its buyer a member. A refund
takes back f(what was spent before it) - f(what remains), by the rules of the purchase's own time.

    facts.py      what is read and published
    earning.py    what purchases are worth
    reversing.py  what refunds take back
    routes.py     the reactions and the operations
"""

from services.loyalty.features.points.routes import feature

__all__ = ["feature"]
