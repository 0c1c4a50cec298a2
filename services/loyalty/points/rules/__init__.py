"""The rules of points: the vocabulary, the points of a purchase, and the movements of a member's points.

Plain values in, plain values out.
"""
