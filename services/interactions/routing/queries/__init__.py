"""Database operations that several features of routing share.

locking.py  the lock of a tenant's routing
"""
