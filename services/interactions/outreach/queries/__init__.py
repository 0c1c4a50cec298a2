"""Database operations that several features share.

tasks.py  create a task, once for each cause
"""
