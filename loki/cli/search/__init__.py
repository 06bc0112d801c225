"""loki-search: a store and a query in, the nearest texts out."""
