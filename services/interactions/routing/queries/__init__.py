"""Database operations that several features of routing share.

locking.py      the lock of a tenant's routing
agents.py       agents with the capacity that they have left
waiting.py      cases enter a queue, overflow to another and leave
assignments.py  assignments begin and end
dispatching.py  cases that wait are given to agents
following.py    routing follows what happens to a case elsewhere
"""
