"""Administrative flags of ``loki``: configuration, login, secrets, models."""
