"""The demo: send a year of 2,377 real households through Rapport, and check every figure.

It also imports a Salesforce export, merges a duplicate that a search has found, and erases a household.
"""
