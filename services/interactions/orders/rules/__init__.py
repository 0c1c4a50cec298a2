"""The rules of orders. Plain values in, plain values out.

amounts.py   the amounts of purchases and refunds
statuses.py  the status of an order, and of its payment
rhythm.py    how often a customer buys, and when the next purchase is expected
waiting.py   the states of records that wait for their purchase
"""
