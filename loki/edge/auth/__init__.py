"""Who we are: secrets, tokens, keys, and keeping them out of every message."""
