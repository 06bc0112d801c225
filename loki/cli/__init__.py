"""argv and stdin -> pipeline -> stdout, stderr, exit code; a file or a folder for each command."""
