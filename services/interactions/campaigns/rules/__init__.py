"""The rules of campaigns. Plain values in, plain values out.

templates.py  the language of templates, their check and their rendering
"""
