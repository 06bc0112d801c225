"""What `loki` does besides asking: configuration, login, secrets, models."""
