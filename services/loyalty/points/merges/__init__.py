"""Merged customers: their memberships and points are the survivor's, and return when the merge is undone.

Of two memberships in a program, one is merged into the other. Its lots move with their expiry, and so do holds and
debt. Transfers in the ledger balance both, so no point is won or lost. What a purchase earned follows the customer of
its event, and everything else the membership under which it was recorded.

    placing.py    where memberships belong
    moving.py     their records: purchases, adjustments, redemptions, lots
    balancing.py  the transfers in the ledger
"""

from services.loyalty.points.merges.placing import feature

__all__ = ["feature"]
