"""loki-batch: many rows."""
