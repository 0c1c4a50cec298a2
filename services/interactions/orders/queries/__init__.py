"""Operations on orders that several features share.

purchases.py      the bodies, the event and the recorder of purchases
refund_bodies.py  the bodies of refunds
refund_events.py  the event of a refund
refunds.py        recording refunds within the remaining amount
states.py         the stored state of a purchase
waiting.py        records that wait for their purchase
"""
