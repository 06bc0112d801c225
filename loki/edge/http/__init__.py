"""Send on requests: Request -> an answer that has begun, one attempt at a time."""
