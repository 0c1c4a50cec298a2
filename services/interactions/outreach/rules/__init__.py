"""The rules of outreach. Plain values in, plain values out.

tasks.py  the vocabularies of tasks
"""
