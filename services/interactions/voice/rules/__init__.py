"""The rules of voice. Plain values in, plain values out.

suggestions.py  the states of suggestions, and the keys of voters
"""
