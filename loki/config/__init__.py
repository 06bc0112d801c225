"""The user's configuration, pure: text and environment to a Config."""
