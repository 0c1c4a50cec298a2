"""The rules of people: the content of a record, the words of a name, and the countries.

Plain values in, plain values out.
"""
