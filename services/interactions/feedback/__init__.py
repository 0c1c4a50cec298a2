"""Feedback: what customers answer, suggest and say about the company."""
