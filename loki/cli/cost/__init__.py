"""loki-cost: what was spent."""
