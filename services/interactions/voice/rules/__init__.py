"""The rules of voice. Plain values in, plain values out.

articles.py     the states of articles, their languages, and the keys of their solutions
reviews.py      ratings on any scale as stars
suggestions.py  the states of suggestions, and the keys of voters
"""
