"""What calls cost, kept in a file."""
