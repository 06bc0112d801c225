"""argv and stdin -> pipeline -> stdout, stderr, exit code; one file a command."""
