"""Database operations that several features share.

automations.py  the facts of customers, and when a run begins
tasks.py        create a task, once for each cause
"""
