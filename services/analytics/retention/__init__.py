"""Retention: how many customers return, by cohort and between two dates."""
