"""Operations on records that several features of feedback share.

surveys.py      a survey, its published version, and the tenant's settings
invitations.py  inviting customers, and sending their links
"""
