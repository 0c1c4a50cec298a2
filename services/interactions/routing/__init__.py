"""Routing: agents and their skills, queues of cases, and which agent gets which case."""
