"""Products, with their prices and costs, their disclosures and their known problems.

A retired product stays, because deals and assets refer to it. A problem that becomes known is an event with the
product's stock keeping unit, by which every buyer can be found.

    events.py    the published events, and the problems
    schemas.py   request and response bodies
    routes.py    the operations on products
    problems.py  the operations on known problems
"""

from services.customers.sales.products import problems, routes

feature = routes.feature.include(problems.feature)

__all__ = ["feature"]
