"""The rules of campaigns. Plain values in, plain values out.

templates.py  the language of templates, their check and their rendering
campaigns.py  the vocabularies of campaigns, and their steps
audiences.py  recipients, their variants, and the distance to a place
schedules.py  local times and quiet hours
limits.py     how many messages a customer gets
texts.py      the texts of the page on which a customer unsubscribes
"""
