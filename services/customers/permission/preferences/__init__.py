"""Preferences: a page on which customers see and change what they allow, behind a link instead of a login.

links.py    the links: created for a customer, revoked, and looked up by their token
centre.py   the operations of the link's holder, as JSON and as a page
choices.py  the choices of a customer, and the receipts of their changes
page.py     the page
"""

from services.customers.permission.preferences import centre, links

feature = links.feature.include(centre.feature)

__all__ = ["feature"]
