"""Unsubscribes: each message of a campaign has a link by which its customer withdraws the permission, without a login.

routes.py  the operations of the link's holder
page.py    the page
"""

from services.interactions.campaigns.unsubscribes.routes import feature

__all__ = ["feature"]
