"""Formats of others and our own, pure: OpenAI's messages in, our JSON out."""
