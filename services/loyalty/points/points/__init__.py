"""Points: members earn them when they buy, and lose them when a purchase is refunded.

A purchase earns once, even if it is delivered again. It earns under each rule of each program that the customer is a
member of, as the rules were when the purchase was made. If a program enrols customers on purchase, the first purchase
makes its buyer a member. A refund reverses f(amount before it) - f(amount after it), by the rules of the purchase's
own time.

    events.py     the events read and published
    schemas.py    the responses
    earning.py    the points that purchases earn
    reversing.py  the points that refunds reverse
    routes.py     the event handlers and the operations
"""

from services.loyalty.points.points.routes import feature

__all__ = ["feature"]
