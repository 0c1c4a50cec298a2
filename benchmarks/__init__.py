"""Benchmarks: ratios to yardsticks measured in the same run. Run `make bench`."""
