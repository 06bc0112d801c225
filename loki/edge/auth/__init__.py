"""Authentication: secrets, tokens, keys, and their redaction from every message."""
