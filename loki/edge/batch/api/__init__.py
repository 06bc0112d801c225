"""Rows sent as jobs through the providers' own batch APIs: the journal, the calls."""
