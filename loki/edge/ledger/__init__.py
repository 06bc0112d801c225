"""The ledger: a SQLite file with the cost of every call."""
