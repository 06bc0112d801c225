"""loki-embed: texts in, vectors out."""
