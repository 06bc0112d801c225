"""The protocol of Cohere's API, version 2."""
