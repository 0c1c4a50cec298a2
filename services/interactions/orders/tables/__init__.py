"""The tables of orders.

purchases.py  purchases, with their state
refunds.py    refunds, and those that wait for their purchase
statuses.py   changes of status, those that wait for their purchase, and the tenants' own statuses
exchanges.py  a refund and the purchase that replaced what came back
waiting.py    the columns of records that wait for their purchase
"""

from services.interactions.orders.tables.exchanges import Exchange
from services.interactions.orders.tables.purchases import Purchase
from services.interactions.orders.tables.refunds import Refund, WaitingRefund
from services.interactions.orders.tables.statuses import OrderStatus, PurchaseStatusChange, WaitingStatusChange
from services.interactions.orders.tables.waiting import WaitingRecord

__all__ = [
    "Exchange",
    "OrderStatus",
    "Purchase",
    "PurchaseStatusChange",
    "Refund",
    "WaitingRecord",
    "WaitingRefund",
    "WaitingStatusChange",
]
