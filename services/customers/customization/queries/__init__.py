"""Database operations of customization that the features of all areas share.

custom_fields.py   check the values of a record that is written
filters.py         filter and sort a list of records by their custom fields
saved_views.py     apply the parameters of a saved view to a list
"""
