"""The only modules, beside cli, that touch files, network, clock and environment."""
