"""Points: the programs that grant them, the members who earn and spend them, and the ledger of every movement."""
