"""Secrets -> texts without them, however others may repeat them."""
