"""People and organisations: their records, the look-ups of them, and their ids in other systems."""
