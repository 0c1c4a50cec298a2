"""The rules of voice. Plain values in, plain values out.

reviews.py      ratings on any scale as stars
suggestions.py  the states of suggestions, and the keys of voters
"""
