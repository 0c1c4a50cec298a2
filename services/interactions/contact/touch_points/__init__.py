"""Touch points: each contact with a customer, recorded once, as sent by the system that saw it.

routes.py   recording and lists
linking.py  the customer of a touch point whose author becomes known
"""

from services.interactions.contact.touch_points import linking, routes

feature = routes.feature.include(linking.feature)

__all__ = ["feature"]
