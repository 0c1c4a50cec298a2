"""The rules of customization: the values that a custom field takes, and the comparisons of a filter.

Plain values in, plain values out.
"""
