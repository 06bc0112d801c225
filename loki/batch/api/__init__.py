"""Rows sent as jobs through the providers' own batch APIs: plans, states, answers."""
