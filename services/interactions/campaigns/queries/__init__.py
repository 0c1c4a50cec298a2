"""Operations on records that several features of campaigns share.

templates.py  the version of a template, and its texts for a customer
campaigns.py  a campaign in a state, and the settings of the tenant
"""
