"""The demo: send a year of 2,377 real households through Rapport, and check every figure."""
