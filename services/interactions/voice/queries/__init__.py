"""Database operations that several features of voice share.

suggestions.py  lock a suggestion and its original, and count its voters
"""
