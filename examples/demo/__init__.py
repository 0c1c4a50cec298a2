"""The demo: a year of 2,377 real households runs through Rapport, and every figure is checked."""
